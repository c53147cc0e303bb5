"""Personal data: what of it is stored, and how somebody is forgotten.

    protection    keep, hash or drop, by class
    answers       where in the platform's answers personal data stand, and protecting them
    screen        what is done with each answer before it is stored
    forgotten     who must be forgotten: digests of ids, kept in the lake
    scrubbing     answers and rows without those who must be forgotten
    lakewide      the same for everything that the lake has stored
    published     the same for published days

Which column has which class is declared in `tables.personal`.
"""
