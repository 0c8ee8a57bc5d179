//! The commands of docs/campaigns.md work as they stand there.

use tokio::process::Command;

use super::*;

/// The blocks of a page: their language and their text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = page.split("```").collect();
    let block = |text: &&str| text.split_once('\n').map(|(language, text)| (language.to_owned(), text.to_owned()));
    parts.iter().skip(1).step_by(2).filter_map(block).collect()
}

async fn shell(server: &Server, directory: &std::path::Path, script: &str) -> String {
    let script =
        script.replace("http://127.0.0.1:6453", &server.url("")).replace("curl -s", "curl --fail-with-body -s");
    let ran = Command::new("sh").args(["-euc", &script]).current_dir(directory).output();
    let ran = tokio::time::timeout(milepost_tests::server::PATIENCE, ran).await.expect("it ends").unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{script}\n{out}\n{err}");
    out.into_owned()
}

#[tokio::test]
async fn the_page_tells_the_truth() {
    let server = Server::start().await;
    let directory = tempfile::tempdir().unwrap();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/campaigns.md")).unwrap();
    let (mut said, mut scripts) = (String::new(), 0);
    for (language, text) in blocks(&page) {
        match language.as_str() {
            "sh" => {
                said = shell(&server, directory.path(), &text).await;
                scripts += 1;
            }
            // What stands below a command is its answer.
            "json" => assert_eq!(said.trim(), text.trim()),
            "sql" => {
                let database = rusqlite::Connection::open(server.data_dir().join("milepost.db")).unwrap();
                let mut statement = database.prepare(&text).unwrap();
                let ids = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
                let ids: Vec<String> = ids.map(Result::unwrap).collect();
                assert_eq!(ids.len(), 3, "{ids:?}");
            }
            _ => {}
        }
        if said.contains("progress/winter") {
            assert!(said.contains("\"status\":\"completed\",\"progress\":1.0,\"message\":\"Half way\""), "{said}");
        }
    }
    assert!(scripts >= 6, "the page has its commands");
    let picture = std::fs::read(directory.path().join("image-1.png")).unwrap();
    let animation = std::fs::read(directory.path().join("campaign.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && animation.starts_with(b"\x89PNG"));
}
