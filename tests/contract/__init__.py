"""The contract for other people's programs, docs/asyncapi.json: made from the code, held to real traffic.

python -m tests.contract        # writes it
"""
