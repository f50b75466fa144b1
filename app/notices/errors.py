from app.core.errors import InvalidInput


class TemplateUnfit(InvalidInput):
    """A field of a template cannot take what was chosen for it."""
