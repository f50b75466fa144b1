"""The ground every other package stands on; it knows nothing of the business.

`db` types, session and units of work · `rows` locking, inserting and asking for rows ·
`money` integer fen · `clock` time · `ids` unguessable public numbers · `crypto` encrypted
columns · `errors` the base of every refusal · `pages` paging by key · `logs` structured
logging.
"""
