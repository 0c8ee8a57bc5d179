"""What the agent adapters share: intents, the application of intents to runs, token merging, bounded values.

An adapter is two parts. A *mapping* is pure: it turns what a framework reports into intents, and is tested without a
server. A :class:`~milepost._agents.emit.Emitter` applies intents to run handles and never raises.
"""
