"""How reports leave the house.

`report_files` writes reports as files that anyone can open, `publisher` puts them on S3 and proves who can read them.
Which reports of which day is decided in `assets.published`.
"""
