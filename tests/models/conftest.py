from tests.models.fakes import cache

__all__ = ["cache"]
