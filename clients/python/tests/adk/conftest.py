from tests.seen import seen

__all__ = ["seen"]
