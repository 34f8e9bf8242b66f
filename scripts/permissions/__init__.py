"""Permissions, proven by use: what the template grants beside what the rehearsed scenarios used.

claims          the template's roles, statement by statement, as it spells them
evidence        the claims beside the uses of a stage's scenarios
exceptions.yml  what no rehearsal can use, and why
elsewhere.yml   policies that are no service role's, and what holds them
page            docs/measured/permissions.md from permissions.json
"""
