//! Endpoints are told what happens, whatever happens to the server.

use std::collections::HashSet;

use milepost_tests::receiver::Request;
use milepost_tests::{Receiver, Server};
use serde_json::{Value, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn server(receiver: &Receiver) -> Server {
    let mut server = Server::prepare(&[], &[]);
    let file =
        format!("[[webhooks]]\nurl = \"{}\"\nsecret = \"{SECRET}\"\nevents = [\"run.completed\"]\n", receiver.url());
    std::fs::write(server.data_dir().join("milepost.toml"), file).unwrap();
    server.start_again().await;
    server
}

/// The runs that it was told of, each once, in the order of the first time.
fn runs(requests: &[Request]) -> Vec<String> {
    let mut seen = HashSet::new();
    let new = requests.iter().filter(|request| seen.insert(request.headers["webhook-id"].clone()));
    new.map(|request| request.body["data"]["run"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_killed_server_tells_everything_and_each_stream_in_its_order() {
    let receiver = Receiver::start().await;
    let mut server = server(&receiver).await;
    let api = server.api();
    let mut expect = Vec::new();
    for round in 0..4 {
        // The endpoint is away half of the time, and the server dies in the middle of things.
        receiver.refuse(round % 2 == 1);
        let root = format!("r{round}");
        api.running(&root, "job").await;
        for step in 0..5 {
            let id = format!("{root}.{step}");
            api.running_child(&id, &root).await;
            api.publish(&id, json!({"type": "run.completed", "data": {"result": step}})).await;
            expect.push(id);
        }
        server.kill().await;
        server.start_again().await;
    }
    receiver.refuse(false);
    let requests = receiver.until(|requests| runs(requests).len() >= expect.len()).await;
    let told = runs(&requests);
    for round in 0..4 {
        let of_round = |runs: &[String]| -> Vec<String> {
            runs.iter().filter(|run| run.starts_with(&format!("r{round}."))).cloned().collect()
        };
        assert_eq!(of_round(&told), of_round(&expect), "{told:?}");
    }
    let Request { headers, body } = &requests[0];
    assert!(headers["webhook-signature"].starts_with("v1,") && headers["webhook-timestamp"].parse::<u64>().is_ok());
    assert_eq!((&body["type"], &body["data"]["event"]["data"]), (&json!("run.completed"), &json!({"result": 0})));
    assert_ne!(body["data"]["current"], Value::Null);
}
