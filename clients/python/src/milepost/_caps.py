"""Bounds of the client, each with its reason."""

from typing import Final

#: Entries that one stream holds for an absent server. Beyond it progress makes room.
QUEUE_ENTRIES: Final = 10_000

#: Bytes of the same. A worker may be cut off for minutes without filling the memory of its host.
QUEUE_BYTES: Final = 64 * 1024 * 1024

#: Entries and bytes beyond which even messages, values and custom events are dropped. Transitions of runs never are: there
#: are only a few to a run.
QUEUE_ENTRIES_HARD: Final = 100_000
QUEUE_BYTES_HARD: Final = 256 * 1024 * 1024

#: Events and bytes of one publish: large enough that the round trip does not count, small enough for the server's 4 MiB.
BATCH_EVENTS: Final = 500
BATCH_BYTES: Final = 512 * 1024

#: Seconds between two publishes of progress alone; people do not see more.
PROGRESS_INTERVAL: Final = 0.1

#: Seconds between two publishes of facts alone, such as the nodes of a graph that follow each other in no time. A call
#: costs as much as telling dozens of them, and 50 ms are not seen.
FACTS_INTERVAL: Final = 0.05

#: Facts that a source keeps before whoever adds to them has to tell them: a bound for when the server is away.
FACTS: Final = 10_000

#: Streams that are published to at the same time. Each takes a thread and a connection.
SENDERS: Final = 4

#: Runs that are asked about at the same time, each over a connection: roots, and parts of them. The others learn of a
#: cancellation from the answers to what they publish, and to heartbeats.
CONTROL_POLLS: Final = 512
CONTROL_POLLS_OF_PARTS: Final = 32

#: Seconds that a child exists before it is asked about. Many are over by then.
CONTROL_DELAY: Final = 0.25

#: Seconds that one long poll waits. Proxies cut silent connections after a minute.
CONTROL_WAIT: Final = 25

#: The pause before a server is asked again that has told nothing new at once.
CONTROL_PAUSE: Final = 1.0

#: Seconds after which a run counts as stalled that gives no word; three heartbeats fit into it.
LEASE_SECONDS: Final = 30

#: Seconds for connecting, and for a call apart from what it waits on purpose.
CONNECT_TIMEOUT: Final = 10.0
CALL_TIMEOUT: Final = 30.0

#: The longest silence on a live stream; the server says something every 15 seconds.
STREAM_SILENCE: Final = 45.0

#: The first and the longest pause before another try, before jitter.
RETRY_MIN: Final = 0.1
RETRY_MAX: Final = 5.0

#: The longest that a `Retry-After` is taken at its word.
RETRY_AFTER_MAX: Final = 300.0

#: Seconds that the interpreter waits at its exit for what is queued.
EXIT_TIMEOUT: Final = 5.0

#: What the server takes: characters of a label and of a sentence, bytes of data and metadata.
LABEL: Final = 256
SENTENCE: Final = 4_096
DATA_BYTES: Final = 256 * 1024
METADATA_BYTES: Final = 64 * 1024

#: Bytes of one value, result or error within the data of an event: the rest of it needs room, too.
VALUE_BYTES: Final = DATA_BYTES - 8 * 1024

#: Bytes of a value that is stored as an artifact.
JSON_ARTIFACT_BYTES: Final = 16 * 1024 * 1024

#: Levels of data.
LEVELS: Final = 32

#: Characters of one part of a message; longer ones are sent in several parts. With six bytes for each it still fits.
MESSAGE_PART: Final = 40_000

#: Characters of a traceback in the details of an error: the end of it, where the cause is.
TRACEBACK: Final = 16_384

#: Characters of an id.
ID: Final = 128

#: Bytes of an artifact stream that are held in memory before they go to a temporary file.
SPOOL_BYTES: Final = 1024 * 1024

#: Bytes of one piece of an upload.
UPLOAD_CHUNK: Final = 256 * 1024

#: Bytes of a line of an event stream. The largest is a snapshot of a whole tree.
SSE_LINE: Final = 256 * 1024 * 1024
