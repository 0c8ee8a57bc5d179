//! The published document: every change of it is looked at.

#[test]
fn the_document_is_as_it_was() {
    let document: serde_json::Value = serde_json::from_str(milepost_server::openapi_document()).unwrap();
    insta::assert_json_snapshot!(document, { ".info.version" => "[version]" });
}
