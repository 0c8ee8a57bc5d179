//! Events of the log as `CloudEvents` in the binary mode of Pub/Sub: attributes beside the data.

use milepost_core::{Cursor, Epoch, Project, Record, RunId};

use super::PREFIX;

/// The attributes of an event whose data is the event as the API shows it. Names are prefixed as in HTTP headers, which is what they
/// become when Pub/Sub pushes without an envelope.
///
/// `source` is the stream and `id` the cursor, which together are unique for ever: an incarnation of a stream has its own epoch.
pub fn attributes(project: &Project, stream: &RunId, epoch: Epoch, record: &Record) -> [(&'static str, String); 7] {
    [
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", Cursor::new(epoch, record.seq).to_string()),
        ("ce-source", format!("/v1/projects/{project}/runs/{stream}")),
        ("ce-type", format!("{PREFIX}{}", record.event_type)),
        ("ce-subject", record.run.to_string()),
        ("ce-time", record.time.to_string()),
        ("content-type", "application/json".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use milepost_core::Time;

    use super::*;

    #[test]
    fn attributes_name_an_event_for_ever() {
        let record = Record {
            seq: 42,
            run: "img".parse().unwrap(),
            event_type: "x.sold".parse().unwrap(),
            time: Time::from_millis(0),
            id: "mine".parse().unwrap(),
            data: "{}".into(),
        };
        let attributes = attributes(&Project::default_project(), &"c1".parse().unwrap(), Epoch(255), &record);
        let lines: Vec<_> = attributes.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        ce-specversion: 1.0
        ce-id: 000000ff-42
        ce-source: /v1/projects/default/runs/c1
        ce-type: io.milepost.x.sold
        ce-subject: img
        ce-time: 1970-01-01T00:00:00.000Z
        content-type: application/json
        ");
    }
}
