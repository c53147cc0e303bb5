"""Publishes reports. `assets.published` and `automation` decide which day is published when.

`day`           publishes one day: every stored report, the page, last the manifest; handles races and retries
`manifest`      the manifest of a day, and its JSON
`publisher`     files, manifests and the list, written to one place
`opening`       opens the place to which the settings publish
`place`         interface of a place to publish to, and file names
`s3_bucket`     files in an S3 bucket
`private_bucket` presigned URLs, and the check that only their holder can read a file
`folder`        a folder, used like a bucket
`garbage`       removes files that no manifest names any more
`announcement`  the message to a webhook about a published day
`report_files`  a report as Parquet, CSV and JSON
`csv_text`      text of a CSV file, safe for spreadsheets
`business_day`  the day that a page is about
`day_reports`   the rows that the page of a day shows
`day_page`      the page of a day
`index_page`    the list of days, and the pages in it
`links`         the links on a page
`charts`        the charts on a page
`html`          formats values for a page; templates are in `templates`
`errors`        the errors of this package
"""
