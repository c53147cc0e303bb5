"""Personal data: what of it is stored, and what is kept from being stored. `forgetting` takes out what is stored.

    protection         keep, hash or drop, by class
    answers            where in the platform's answers personal data stand, and protecting them
    people             whose a name or an address in a conversation is
    lake_files         the same of files of the data lake extraction, and these without those who must be forgotten
    forgotten          who must be forgotten: digests of ids, kept in the lake
    scrubbed_answers   answers without those who must be forgotten
    scrubbed_rows      rows without them
    screen             what is done with each answer before it is stored

Which column has which class is declared in `tables.personal`.
"""
