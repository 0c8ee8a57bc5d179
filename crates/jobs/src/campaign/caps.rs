//! How much one campaign may take. Every bound stands here with its reason.

use std::time::Duration;

/// Characters of a business description. It goes into every prompt, and stays in the metadata of the run (64 KiB).
pub const DESCRIPTION_CHARS: usize = 8_000;

/// Characters of an objective, for the same reason.
pub const OBJECTIVE_CHARS: usize = 2_000;

/// Posts of one campaign. Each takes a call of the chat endpoint, and may take a picture of a megapixel.
pub const POSTS: u32 = 50;

/// Posts that are written at the same time by a chat endpoint. Endpoints count requests; more would be refused.
pub(crate) const POSTS_AT_ONCE: usize = 3;

/// Characters of one post. What is longer is no post for any network, and a model that does not stop is stopped here.
pub(crate) const POST_CHARS: usize = 5_000;

/// How often a post is begun anew because the endpoint broke off in the middle of it.
pub(crate) const WRITING_TRIES: u32 = 2;

/// How often one call is made while the endpoint cannot be reached or has too much to do.
pub(crate) const CALL_TRIES: u32 = 4;

/// The first pause between two of them; it doubles.
pub(crate) const CALL_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause, whatever `Retry-After` says. Beyond that the job had better fail and say why.
pub(crate) const CALL_PAUSE_MAX: Duration = Duration::from_secs(30);

/// How long connecting to an endpoint may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of one event of a streamed answer. Each has a few tokens.
pub(crate) const CHUNK_BYTES: usize = 1 << 20;

/// Bytes of an answer that is not streamed: a picture as base64.
pub(crate) const ANSWER_BYTES: usize = 32 << 20;

/// Characters of written text that are shown together, so that a token is no event.
pub(crate) const APPENDED_CHARS: usize = 160;

/// How long written text may wait for more before it is shown.
pub(crate) const APPENDED_EVERY: Duration = Duration::from_millis(150);

/// Posts that the animation shows. More would make it long and large.
pub(crate) const SCENES: usize = 5;

/// Edge of a picture in pixels: what the networks call square.
pub(crate) const PICTURE_EDGE: u32 = 1_080;

/// Edge of the animation in pixels. A megabyte or two, and no more than seconds of work.
pub(crate) const ANIMATION_EDGE: u32 = 540;
