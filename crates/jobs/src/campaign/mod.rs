//! Campaigns: from a brief to posts, pictures and a short animation.
//!
//! A campaign is a root run of kind `campaign` whose metadata hold the [`Brief`]. Its jobs are the root's children, one for each
//! [`JobType`]. [`run_job`] does one of them, with nothing but the Rust client: so it does not matter where it runs. [`audit()`] looks
//! at what came out, once all are over.

mod agent;
mod audit;
mod brief;
pub mod caps;
mod clock;
mod draw;
mod error;
mod ids;
mod image;
mod job;
mod post;
mod posts;
mod text;
mod video;
mod writer;

pub use audit::{Finding, Notes, audit};
pub use brief::{Brief, InvalidBrief};
pub use error::JobError;
pub use ids::{JobType, KIND, job_id};
pub use job::run_job;
pub use post::{Post, PostType};
pub use writer::{Chat, ChatSettings, Settings};
