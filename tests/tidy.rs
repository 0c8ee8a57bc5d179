//! The rules of this repository, held by a test: see ARCHITECTURE.md and CONTRIBUTING.md.

#![expect(clippy::unwrap_used, reason = "a test: a failure has to be loud, and is read here")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each crate may depend on, of ours. Arrows point down only.
const ALLOWED: &[(&str, &[&str])] = &[
    ("milepost-core", &[]),
    ("milepost-store", &["milepost-core"]),
    ("milepost-wire", &["milepost-core"]),
    ("milepost-hub", &["milepost-core", "milepost-store"]),
    ("milepost-client", &["milepost-core", "milepost-wire"]),
    ("milepost-signalr", &[]),
    ("milepost-jobs", &["milepost-client", "milepost-core", "milepost-wire"]),
    (
        "milepost-server",
        &[
            "milepost-client",
            "milepost-core",
            "milepost-hub",
            "milepost-jobs",
            "milepost-signalr",
            "milepost-store",
            "milepost-wire",
        ],
    ),
];

/// Who alone may know a library, because the others must not need to.
const ALONE: &[(&str, &[&str])] = &[
    ("axum", &["milepost-server", "milepost-signalr"]),
    ("hyper", &["milepost-server"]),
    ("rusqlite", &["milepost-store"]),
    ("gix", &["milepost-jobs"]),
    ("tantivy", &["milepost-jobs"]),
];

/// What core must do without: it does no IO.
const NOT_IN_CORE: &[&str] = &["tokio", "uuid", "rand", "getrandom", "reqwest", "futures-util"];

const LINES_MAX: usize = 800;

#[test]
fn dependencies_point_down() {
    let mut wrong = Vec::new();
    for (name, dependencies) in packages() {
        let ours = dependencies.iter().filter(|dependency| dependency.starts_with("milepost"));
        if let Some((_, allowed)) = ALLOWED.iter().find(|(package, _)| *package == name) {
            wrong.extend(ours.filter(|d| !allowed.contains(&d.as_str())).map(|d| format!("{name} needs {d}")));
        }
        for (library, alone) in ALONE {
            if dependencies.iter().any(|dependency| dependency == library) && !alone.contains(&name.as_str()) {
                wrong.push(format!("{name} needs {library}"));
            }
        }
        if name == "milepost-core" {
            wrong.extend(
                dependencies.iter().filter(|d| NOT_IN_CORE.contains(&d.as_str())).map(|d| format!("core needs {d}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_stay_readable() {
    let long = |path: &PathBuf| {
        let lines = std::fs::read_to_string(path).unwrap().lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines", path.display()))
    };
    let long: Vec<_> = sources(&["rs"]).iter().filter_map(long).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn nothing_is_left_unfinished() {
    // Spelled apart, so that this file does not find itself.
    let marks =
        [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["unimplemented", "!"].concat(), ["#[ig", "nore"].concat()];
    let mut found = Vec::new();
    for path in sources(&["rs", "toml", "sh", "md"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                found.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_crate_is_on_the_map() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let crates = std::fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().file_name());
    let missing: Vec<_> = crates.filter(|name| !map.contains(&format!("(crates/{})", name.display()))).collect();
    assert!(missing.is_empty(), "{missing:?} are not in ARCHITECTURE.md");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for path in sources(&["md"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            let local = !target.is_empty() && !target.contains("://") && !target.contains(' ');
            if local && !path.parent().unwrap().join(target).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The normal dependencies of each of our packages.
fn packages() -> BTreeMap<String, Vec<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let normal = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap();
        all.iter().filter(|dependency| dependency["kind"].is_null()).map(name).collect()
    };
    metadata["packages"].as_array().unwrap().iter().map(|package| (name(package), normal(package))).collect()
}

/// The tracked files with one of these extensions.
fn sources(extensions: &[&str]) -> Vec<PathBuf> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "this test needs a git checkout");
    let names = String::from_utf8(output.stdout).unwrap();
    let wanted = |path: &PathBuf| path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted));
    names.split_terminator('\0').map(|name| root().join(name)).filter(wanted).filter(|path| path.exists()).collect()
}
