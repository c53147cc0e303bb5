"""Publishes reports. Which day is published when is decided in `assets.published` and `automation`.

`day`           publishing one day: every stored report, the page, last the manifest; races and retries
`manifest`      what a manifest says, and its JSON
`publisher`     files, manifests and the list, written to one place
`opening`       opens the place to which the settings publish
`place`         interface of a place to publish to, and file names
`s3_bucket`     files in an S3 bucket
`private_bucket` presigned URLs, and the proof that only their holder can read a file
`folder`        a folder, used like a bucket
`garbage`       which files no manifest names any more, and when they go
`announcement`  the message to a webhook about a published day
`report_files`  a report as Parquet, CSV and JSON
`csv_text`      text of a CSV file, safe for spreadsheets
`business_day`  the day that a page is about
`day_reports`   the rows that the page of a day shows
`day_page`      the page of a day
`index_page`    the list of days, and the pages in it
`links`         where a page leads
`charts`        pictures of a page
`html`          how values look in a page; templates are in `templates`
`errors`        what can go wrong
"""
