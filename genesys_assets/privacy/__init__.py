"""Personal data: what of it is stored, and how somebody is forgotten.

    protection         keep, hash or drop, by class
    answers            where in the platform's answers personal data stand, and protecting them
    people             whose a name or an address in a conversation is
    lake_files         the same of files of the data lake extraction, and these without those who must be forgotten
    forgotten          who must be forgotten: digests of ids, kept in the lake
    scrubbed_answers   answers without those who must be forgotten
    scrubbed_rows      rows without them
    screen             what is done with each answer before it is stored
    traces             names and numbers that are looked for beside ids, gathered before anything is rewritten
    work               what is looked for, and what was done
    rewriting          one partition without them
    old_files          files of older versions and of killed runs
    lakewide           everything that the lake has stored, without them
    recomputed         reports that were made of what somebody stood in, made again
    logs               statistics in the logs of tables, and notes about imported files
    published          published days without them

Which column has which class is declared in `tables.personal`.
"""
