"""The distribution mall (分销商城).

Entry points (`mall`, `admin`, `webhooks`, `jobs`, `commands`) parse, authorise and
call one service; the domains below them hold the rules. Imports point downwards
as the layers in `pyproject.toml` list them; `factory.create_app` puts the whole
together.
"""
