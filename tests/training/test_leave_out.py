"""What the README shows of the two tables of people and laboratories left out."""

from training.leave_out import unseen


def test_readme_rows_pair_other_people_with_another_laboratory() -> None:
    people = [
        {"": "falls confirmed", "KFall": "99 %", "SisFall": "98 %", "HAPT": "-", "DSADS": "-", "ipol": "-"},
        {"": "… how long before, median", "KFall": "4 ms", "SisFall": "3 ms", "HAPT": "-", "ipol": "-"},
        {"": "false stumbles per hour of walking", "KFall": "0", "SisFall": "0"},  # not for the README
    ]
    laboratories = [
        {"": "falls confirmed", "KFall": "90 %", "HAPT": "-", "DSADS": "-"},  # SisFall was not left out
        {"": "… how long before, median", "KFall": "1 ms", "HAPT": "-"},
        {"": "false stumbles per hour of walking", "KFall": "1", "SisFall": "1"},
    ]
    assert unseen(people, laboratories) == [
        {"": "KFall: falls confirmed", "other people": "99 %", "another laboratory": "90 %"},
        {"": "KFall: how long before, median", "other people": "4 ms", "another laboratory": "1 ms"},
    ]
