use std::path::Path;

use super::*;

fn load(toml: &str, environment: &[(&str, &str)], overrides: &Overrides) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.toml");
    std::fs::write(&path, toml).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(overrides, Some(&path), environment).map_err(|error| error.to_string())
}

#[test]
fn the_nearer_layer_wins() {
    let file = "listen = '127.0.0.1:1'\ndata_dir = 'file'\n[progress]\nmin_interval_ms = 1";
    let environment = [("MILEPOST_LISTEN", "127.0.0.1:2"), ("MILEPOST_PROGRESS__MIN_INTERVAL_MS", "2"), ("HOME", "/")];
    let overrides = Overrides { listen: Some("127.0.0.1:3".to_owned()), ..Overrides::default() };
    let config = load(file, &environment, &overrides).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.min_interval_ms, 2);
    assert_eq!(config.data_dir, Path::new("file"));
}

#[test]
fn every_key_has_its_place() {
    let file = r#"
        listen = "127.0.0.1:0"
        data_dir = "d"
        [auth]
        mode = "none"
        [auth.jwt]
        algorithm = "EdDSA"
        public_key_file = "key.pem"
        issuer = "i"
        audience = "a"
        [cors]
        origins = ["https://a.example", "http://localhost:5173/"]
        [progress]
        min_interval_ms = 50
        [lease]
        fail_stalled_after_s = 600
        [signalr]
        detailed_errors = true
        keep_alive_s = 1
        client_timeout_s = 2
        max_message_bytes = 4096
        [campaign.llm]
        base_url = "http://127.0.0.1:1/v1"
        key = "hush"
        model = "m"
        image_model = "i"
        timeout_s = 5
        prompt_usd_per_million = 0.5
        completion_usd_per_million = 1
        [ingest]
        allow_local = false
        allow_private = false
        max_bytes = 1
        max_files = 2
        timeout_s = 3
        [pubsub.push]
        issuer = "https://i.example"
        audience = "a"
        email = "e@example.com"
        jwks_url = "https://i.example/keys"
    "#;
    let config = load(file, &[], &Overrides::default()).unwrap();
    assert_eq!(config.cors.origins[1].header(), "http://localhost:5173");
    assert_eq!(config.lease.fail_stalled_after_s, Some(600));
    assert!(!config.ingest.allow_local);
    assert!(!format!("{config:?}").contains("hush"));
    let Auth::Open { jwt: Some(jwt) } = &config.auth else { panic!("{:?}", config.auth) };
    assert_eq!((jwt.algorithm, &jwt.key), (Algorithm::EdDsa, &KeySource::PublicKeyFile("key.pem".into())));
    assert_eq!((config.signalr.keep_alive.as_secs(), config.signalr.max_message_bytes), (1, 4096));
    assert_eq!(config.llm.as_ref().map(|llm| llm.key.as_ref().unwrap().expose()), Some("hush"));
    assert_eq!(config.llm.as_ref().and_then(|llm| llm.prices), Some((0.5, 1.0)));
    assert_eq!((config.ingest.max_bytes, config.ingest.max_files), (Some(1), Some(2)));
    assert_eq!(config.push.unwrap().jwks_url.as_str(), "https://i.example/keys");
}

#[test]
fn what_may_be_read_depends_on_who_can_ask() {
    let local = load("", &[], &Overrides::default()).unwrap();
    assert!(local.ingest.allow_local && local.ingest.allow_private);
    let open = Overrides { insecure: true, listen: Some("0.0.0.0:6453".to_owned()), ..Overrides::default() };
    let open = load("", &[], &open).unwrap();
    assert!(!open.ingest.allow_local && !open.ingest.allow_private);
}

#[test]
fn mistakes_are_named() {
    let cases: &[(&str, &[(&str, &str)], &str)] = &[
        ("lisen = '127.0.0.1:1'", &[], "lisen"),
        ("[auth]\nmod = 'none'", &[], "mod"),
        ("[auth.jwt]\nalg = 'none'", &[], "alg"),
        ("listen = 1", &[], "listen"),
        ("listen = 'localhost'", &[], "listen"),
        ("listen = '0.0.0.0:6453'", &[], "--insecure"),
        ("auth.mode = 'required'", &[], "authentication is not in this version"),
        ("auth.mode = 'maybe'", &[], "auth.mode"),
        ("auth.jwt.algorithm = 'HS256'\nauth.jwt.public_key_file = 'k'", &[], "auth.jwt.algorithm"),
        ("cors.origins = ['*']", &[], "cors.origins"),
        ("cors.origins = ['https://a.example/path']", &[], "cors.origins"),
        ("campaign.llm.model = 'm'", &[], "campaign.llm"),
        ("campaign.llm.timeout_s = 1", &[], "campaign.llm"),
        ("campaign.llm = {base_url = 'http://a', model = 'm', timeout_s = 0}", &[], "campaign.llm.timeout_s"),
        ("campaign.llm = {base_url = 'http://a', model = 'm', prompt_usd_per_million = 1}", &[], "campaign.llm"),
        ("pubsub.push.email = 'e'", &[], "pubsub.push.audience"),
        ("pubsub.bridge.projects = ['p']", &[], "pubsub.bridge.topic"),
        ("pubsub.bridge.topic = 'my-topic'", &[], "projects/PROJECT/topics/TOPIC"),
        ("signalr.keep_alive_s = 0", &[], "signalr.keep_alive_s"),
        ("lease.fail_stalled_after_s = 0", &[], "lease.fail_stalled_after_s"),
        ("", &[("MILEPOST_LISEN", "x")], "MILEPOST_LISEN"),
        ("", &[("MILEPOST_INGEST__MAX_FILES", "many")], "MILEPOST_INGEST__MAX_FILES"),
        ("", &[("MILEPOST_AUTH_MODE", "none")], "MILEPOST_AUTH_MODE"),
    ];
    for (toml, environment, expect) in cases {
        let error = load(toml, environment, &Overrides::default()).unwrap_err();
        assert!(error.contains(expect), "{toml:?} {environment:?}: {error}");
    }
}

#[test]
fn variables_of_others_are_left_alone() {
    let environment = [
        ("MILEPOST_SERVER", "http://x"),
        ("MILEPOST_TOKEN", "t"),
        ("MILEPOST_PORT_6453_TCP_ADDR", "10.0.0.1"),
        ("MILEPOST_SERVICE_HOST", "10.0.0.1"),
    ];
    load("", &environment, &Overrides::default()).unwrap();
}

#[test]
fn a_file_that_is_asked_for_has_to_be_there() {
    let error = Config::load(&Overrides::default(), Some(Path::new("/nowhere/milepost.toml")), []).unwrap_err();
    assert!(error.to_string().contains("/nowhere/milepost.toml"));
}

#[cfg(not(feature = "pubsub"))]
#[test]
fn a_bridge_that_is_not_built_in_says_so() {
    let topic = [("MILEPOST_PUBSUB__BRIDGE__TOPIC", "projects/p/topics/t")];
    assert!(load("", &topic, &Overrides::default()).unwrap_err().contains("--features pubsub"));
}
