//! Puts the built dashboard into the binary, each file once, packed where that helps. Without `dashboard/dist` there is none, and
//! the server says how to build it: nobody needs Node to build Milepost.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../../dashboard/dist");
    let out = PathBuf::from(variable("OUT_DIR")?).join("dashboard");
    println!("cargo::rerun-if-changed={}", root.display());
    fs::create_dir_all(&out)?;
    let mut files = Vec::new();
    if root.join("index.html").exists() {
        collect(&root, &mut files)?;
        files.sort();
    }
    let mut table = "&[\n".to_owned();
    for (number, file) in files.iter().enumerate() {
        table.push_str(&embed(&root, file, &out.join(number.to_string()))?);
    }
    table.push(']');
    fs::write(out.join("table.rs"), table)
}

fn variable(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(io::Error::other)
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            files.push(path);
        }
    }
    Ok(())
}

/// Writes what is to be embedded of `file` to `to`, and returns its line of the table.
fn embed(root: &Path, file: &Path, to: &Path) -> io::Result<String> {
    let bytes = fs::read(file)?;
    let tag = Sha256::digest(&bytes)[..12].iter().fold(String::new(), |mut tag, byte| {
        let _ = write!(tag, "{byte:02x}");
        tag
    });
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&bytes)?;
    let packed = packer.finish()?;
    // Fonts and pictures are packed already.
    let pays = packed.len() < bytes.len() * 9 / 10;
    fs::write(to, if pays { &packed } else { &bytes })?;
    let path = file.strip_prefix(root).map_err(io::Error::other)?;
    let path = path.to_str().ok_or_else(|| io::Error::other("the name of an asset is not text"))?;
    let media_type = media_type(path)
        .ok_or_else(|| io::Error::other(format!("the media type of dashboard/dist/{path} is not known here")))?;
    Ok(format!(
        "Asset {{ path: {path:?}, media_type: {media_type:?}, tag: {tag:?}, packed: {pays}, bytes: include_bytes!({to:?}) }},\n"
    ))
}

/// Closed on purpose: what is served with `nosniff` has to be named right.
fn media_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}
