"""How reports leave the house.

`report_files` writes reports as files that anyone can open; `day_page` and `index_page` make pages to look at, of the
sums in `day_figures`, the pictures of `charts` and the `templates`; `publisher` puts all of it on S3 and proves who can
read it. Which reports of which day is decided in `assets.published`.
"""
