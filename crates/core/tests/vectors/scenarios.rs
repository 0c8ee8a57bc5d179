//! The stories that the vectors tell.

/// A log, and who watches it from where on.
pub(crate) struct Scenario {
    /// Folder and file.
    pub(crate) name: &'static str,
    /// What it is about, for whoever sees it fail.
    pub(crate) description: &'static str,
    /// What was asked for, as in [`Play::say`](crate::common::Play::say). Every line takes a second.
    pub(crate) lines: &'static [&'static str],
    /// The topmost run that the viewer sees.
    pub(crate) top: &'static str,
    /// The viewer begins with a snapshot at this sequence; with nothing at 0.
    pub(crate) after: u64,
    /// Sequences that the viewer does not get, because later progress supersedes them.
    pub(crate) superseded: &'static [u64],
    /// Where to compare, besides at the end.
    pub(crate) at: &'static [u64],
}

const STORY: Scenario =
    Scenario { name: "", description: "", lines: &[], top: "r", after: 0, superseded: &[], at: &[] };

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "fold/lifecycle",
        description: "One run from queued over running and waiting to completed.",
        lines: &[
            r#"r run.created {"kind":"report","name":"Q3 report","metadata":{"owner":"ana","big":12345678901234567890}}"#,
            "r run.started",
            r#"r run.progressed {"stage":"reading","current":1,"total":4,"unit":"files"}"#,
            r#"r run.waiting {"reason":"needs approval"}"#,
            r#"r run.resumed {"reason":"approved"}"#,
            r#"r run.progressed {"message":"half way","current":2}"#,
            r#"r x.note {"any":["thing",1.50]}"#,
            r#"r run.completed {"result":{"pages":12}}"#,
        ],
        at: &[1, 2, 3, 4, 5, 6, 7],
        ..STORY
    },
    Scenario {
        name: "fold/failed",
        description: "A queued run fails; a failed run keeps the fraction it had.",
        lines: &[
            r#"r run.created {"kind":"job"}"#,
            r#"a run.created {"kind":"step","parent":"r"}"#,
            r#"a run.failed {"error":{"code":"no_input","message":"nothing to read","details":{"path":"/in"}}}"#,
            "r run.started",
            r#"r run.progressed {"current":3,"total":4}"#,
            r#"r run.failed {"error":{"code":"boom","message":""}}"#,
        ],
        at: &[3, 5],
        ..STORY
    },
    Scenario {
        name: "fold/roll_up",
        description: "Fractions: weights, announced children, children that are over, own reports that are further.",
        lines: &[
            r#"r run.created {"kind":"campaign","expected_children":3}"#,
            "r run.started",
            r#"a run.created {"kind":"step","parent":"r","weight":2}"#,
            r#"b run.created {"kind":"step","parent":"r"}"#,
            r#"b1 run.created {"kind":"step","parent":"b"}"#,
            r#"b2 run.created {"kind":"step","parent":"b","weight":0}"#,
            "a run.started",
            r#"a run.progressed {"current":1,"total":3}"#,
            "b run.started",
            "b1 run.started",
            r#"b1 run.progressed {"current":1,"total":8}"#,
            r#"b2 run.failed {"error":{"code":"boom"}}"#,
            r#"r run.progressed {"current":0.7,"total":1}"#,
            r#"a run.started {"attempt":2}"#,
            "a run.completed",
            "b1 run.completed",
            "b run.completed",
            r#"c run.created {"kind":"step","parent":"r"}"#,
            r#"d run.created {"kind":"step","parent":"r"}"#,
            "r run.completed",
        ],
        at: &[1, 4, 8, 12, 13, 14, 15, 17, 19],
        ..STORY
    },
    Scenario {
        name: "fold/attempts",
        description: "A report that falls, totals that vanish, and a second attempt that begins anew.",
        lines: &[
            r#"r run.created {"kind":"job"}"#,
            "r run.started",
            r#"r run.progressed {"stage":"copy","message":"m","current":8,"total":10,"unit":"files"}"#,
            r#"r run.progressed {"current":2}"#,
            r#"r run.progressed {"total":null,"message":null}"#,
            r#"r run.progressed {"current":9,"total":10}"#,
            r#"r run.started {"attempt":3}"#,
            r#"r run.progressed {"current":1,"total":10}"#,
        ],
        at: &[3, 4, 5, 6, 7],
        ..STORY
    },
    Scenario {
        name: "fold/stalled",
        description: "A lease runs out and a word from below brings the whole back; another worker takes a run over.",
        lines: &[
            r#"r run.created {"kind":"job","lease_seconds":60}"#,
            r#"a run.created {"kind":"step","parent":"r"}"#,
            "r run.started",
            r#"a run.started {"lease_seconds":30}"#,
            "!r run.stalled",
            "!a run.stalled",
            r#"a run.progressed {"current":1,"total":2}"#,
            "!a run.stalled",
            r#"a run.started {"attempt":2,"lease_seconds":30}"#,
            "!a run.stalled",
            "a run.failed",
        ],
        at: &[5, 6, 7, 8, 9, 10, 11, 12],
        ..STORY
    },
    Scenario {
        name: "fold/messages",
        description: "Messages grow; ids belong to their run; text beyond ASCII.",
        lines: &[
            r#"r run.created {"kind":"agent"}"#,
            r#"a run.created {"kind":"step","parent":"r"}"#,
            "r run.started",
            r#"r message.appended {"message":"m1","role":"user","content":"Grüß "}"#,
            r#"a message.appended {"message":"m1","content":"thinking… "}"#,
            r#"r message.appended {"message":"m1","role":"system","content":"Gott 👋\n","final":true}"#,
            r#"a message.appended {"message":"m1","content":"done","final":true}"#,
            r#"a message.appended {"message":"m2"}"#,
        ],
        at: &[4, 5, 6],
        ..STORY
    },
    Scenario {
        name: "fold/artifacts",
        description: "Artifacts are announced, grow, fail, come again and are ready.",
        lines: &[
            r#"r run.created {"kind":"campaign"}"#,
            "r run.started",
            r#"r artifact.pending {"artifact":"post","artifact_type":"post","name":"First post"}"#,
            r#"r artifact.appended {"artifact":"post","chunk":"Hello, "}"#,
            r#"r artifact.appended {"artifact":"post","chunk":"wörld"}"#,
            r#"r artifact.appended {"artifact":"raw","bytes":{"offset":0,"length":4}}"#,
            r#"r artifact.failed {"artifact":"raw","error":{"code":"disk_full","message":"no space"}}"#,
            r#"r artifact.ready {"artifact":"post","media_type":"text/plain","size":13,"sha256":"ab","url":"/post"}"#,
            r#"r artifact.pending {"artifact":"raw"}"#,
            r#"r artifact.ready {"artifact":"raw","artifact_type":"data","size":4}"#,
        ],
        at: &[3, 5, 7, 8, 9],
        ..STORY
    },
    Scenario {
        name: "fold/values",
        description: "Values are replaced, patched by key and patched together (RFC 6902).",
        lines: &[
            r#"r run.created {"kind":"workflow"}"#,
            r#"r state.updated {"key":"plan","value":{"steps":["a"],"0.1":0.1}}"#,
            r#"r state.updated {"key":"plan","patch":[{"op":"add","path":"/steps/-","value":"b"}]}"#,
            r#"r state.updated {"key":"plan","patch":[{"op":"replace","path":"/steps/0","value":null}]}"#,
            r#"r state.updated {"key":"new","patch":[{"op":"add","path":"","value":[]}]}"#,
            r#"r state.updated {"patch":[{"op":"move","from":"/plan/steps","path":"/list"},{"op":"copy","from":"/list","path":"/new/0"}]}"#,
            r#"r state.updated {"patch":[{"op":"test","path":"/list/1","value":"b"},{"op":"remove","path":"/plan"}]}"#,
            r#"r state.updated {"key":"list","value":null}"#,
        ],
        at: &[2, 3, 4, 5, 6, 7],
        ..STORY
    },
    Scenario {
        name: "fold/audit",
        description: "An audit follows the end and says its verdict.",
        lines: &[
            r#"r run.created {"kind":"campaign"}"#,
            "r run.started",
            "r run.completed",
            "r run.audit_started",
            r#"r run.audited {"verdict":"passed","notes":["fine"]}"#,
        ],
        at: &[4],
        ..STORY
    },
    Scenario {
        name: "cancel/acknowledged",
        description: "One run.cancelled by the worker is enough: those below come before it.",
        lines: CANCEL,
        at: &[9, 10, 11],
        ..STORY
    },
    Scenario {
        name: "cancel/reported",
        description: "A worker reports a part itself; the rest comes with its last word. Others go on.",
        lines: &[
            r#"r run.created {"kind":"campaign"}"#,
            r#"a run.created {"kind":"step","parent":"r"}"#,
            r#"b run.created {"kind":"step","parent":"a"}"#,
            r#"c run.created {"kind":"step","parent":"r"}"#,
            "r run.started",
            r#"!a run.cancel_requested {"by":"ana","deadline":"2030-01-01T00:00:30Z"}"#,
            r#"b run.cancelled {"reason":"stopped at item 7"}"#,
            "c run.started",
            "a run.cancelled",
            "c run.completed",
            "r run.completed",
        ],
        at: &[6, 7, 9],
        ..STORY
    },
    Scenario {
        name: "cancel/deadline",
        description: "Nobody answers: the server cancels by itself when the grace is over.",
        lines: &[
            r#"r run.created {"kind":"campaign"}"#,
            r#"a run.created {"kind":"step","parent":"r"}"#,
            "a run.started",
            r#"a run.progressed {"current":1,"total":2}"#,
            r#"!r run.cancel_requested {"reason":"budget","deadline":"2030-01-01T00:00:00.5Z"}"#,
            r#"!r run.cancelled {"acknowledged":false}"#,
        ],
        at: &[5, 6],
        ..STORY
    },
    Scenario {
        name: "cancel/parent_ended",
        description: "Nothing is left open under something that is over.",
        lines: &[
            r#"r run.created {"kind":"campaign"}"#,
            r#"a run.created {"kind":"step","parent":"r"}"#,
            r#"b run.created {"kind":"step","parent":"a"}"#,
            r#"c run.created {"kind":"step","parent":"r"}"#,
            "r run.started",
            "c run.failed",
            r#"!b run.cancel_requested {"deadline":"2030-01-01T00:00:00Z"}"#,
            "r run.completed",
        ],
        at: &[8, 9],
        ..STORY
    },
    Scenario {
        name: "resume/after_snapshot",
        description: "A viewer begins with a snapshot in the middle and goes on from it.",
        lines: CANCEL,
        after: 6,
        at: &[7, 8, 9],
        ..STORY
    },
    Scenario {
        name: "resume/part",
        description: "A viewer of one child: the events of others do not reach it, and its cursor moves over them.",
        lines: CANCEL,
        top: "a",
        after: 5,
        at: &[7, 10],
        ..STORY
    },
    Scenario {
        name: "resume/coalesced",
        description: "Progress that came too fast was left out; every frame says from where on, and nothing is missing.",
        lines: &[
            r#"r run.created {"kind":"ingest"}"#,
            r#"a run.created {"kind":"step","parent":"r"}"#,
            r#"b run.created {"kind":"step","parent":"r","weight":3}"#,
            "r run.started",
            "a run.started",
            "b run.started",
            r#"a run.progressed {"stage":"walk","current":1,"total":10,"unit":"files"}"#,
            r#"b run.progressed {"current":1,"total":4}"#,
            r#"a run.progressed {"current":9}"#,
            r#"b run.progressed {"message":"three","current":3}"#,
            r#"a run.progressed {"current":2,"message":"again"}"#,
            r#"b run.progressed {"total":null}"#,
            r#"r message.appended {"message":"m","content":"so far"}"#,
            r#"a run.progressed {"stage":null,"current":3}"#,
            r#"a run.progressed {"current":4}"#,
            "a run.completed",
            "r run.completed",
        ],
        superseded: &[7, 8, 9, 10, 14],
        at: &[12, 13, 15],
        ..STORY
    },
];

const CANCEL: &[&str] = &[
    r#"r run.created {"kind":"campaign"}"#,
    r#"a run.created {"kind":"step","parent":"r"}"#,
    r#"b run.created {"kind":"step","parent":"a"}"#,
    "r run.started",
    "a run.started",
    "b run.started",
    r#"b run.progressed {"current":1,"total":4}"#,
    r#"r message.appended {"message":"m","content":"hello"}"#,
    r#"!r run.cancel_requested {"by":"ana","reason":"wrong input","deadline":"2030-01-01T00:00:30Z"}"#,
    "r run.cancelled",
];
