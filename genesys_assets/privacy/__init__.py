"""Decides which personal data is stored, before it is stored. `forgetting` removes what is stored already.

    protection         keep, hash or drop, by class
    answers            finds personal data in the platform's answers, and protects it
    people             whether a name or an address in a conversation belongs to an agent or a customer
    lake_files         protects files of the data lake extraction, and removes forgotten people from them
    forgotten          the list of who must be forgotten: digests of ids, stored in the lake
    scrubbed_answers   removes forgotten people from answers
    scrubbed_rows      removes forgotten people from rows
    screen             applies all this to each answer before it is stored

`tables.personal` declares the class of each column.
"""
