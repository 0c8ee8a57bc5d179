use std::collections::HashSet;

use super::*;

fn brief(description: &str, objective: &str) -> Brief {
    Brief {
        business_description: description.to_owned(),
        objective: objective.to_owned(),
        post_count: 12,
        generate_visuals: true,
    }
}

fn bakery() -> Brief {
    brief(
        "Luna Bakery is a family bakery in Lisbon. We bake sourdough bread in a wood-fired oven every morning. \
         On Saturdays there are baking classes for children, and the coffee comes from a roastery next door.",
        "Bring more guests into the shop at the weekend",
    )
}

fn posts(brief: &Brief) -> Vec<Written> {
    let analysis = analyse(brief);
    (1..=brief.post_count).map(|number| write(brief, &analysis, number)).collect()
}

#[test]
fn a_brief_is_understood() {
    insta::assert_json_snapshot!(analyse(&bakery()));
    let cases = [
        ("Launch the new app in May", "a launch"),
        ("Get 500 newsletter sign-ups", "sign-ups"),
        ("Hire three nurses", "hiring"),
        ("Sell more shoes", "sales"),
        ("Be known in the region", "awareness"),
    ];
    for (objective, expect) in cases {
        assert_eq!(analyse(&brief("A shop", objective)).goal, expect, "{objective}");
    }
}

#[test]
fn names_are_found() {
    let cases = [
        ("Luna Bakery is a bakery", Some("Luna Bakery")),
        ("Milepost makes work visible", Some("Milepost")),
        ("The Green Bicycle Company repairs bikes", Some("Green Bicycle Company")),
        ("A workshop called Fahrwerk for old cars", Some("Fahrwerk")),
        ("A bakery in Lisbon", None),
        ("Bakery with a view", None),
        ("", None),
    ];
    for (description, expect) in cases {
        assert_eq!(name_of(description).as_deref(), expect, "{description}");
    }
}

#[test]
fn posts_are_made_of_the_brief_and_no_two_are_alike() {
    let (bakery, clinic) = (
        bakery(),
        brief(
            "Nordlys Clinic is a dental clinic in Bergen. Nobody waits longer than ten minutes.",
            "Hire two hygienists",
        ),
    );
    let (ours, theirs) = (posts(&bakery), posts(&clinic));
    for (brief, posts) in [(&bakery, &ours), (&clinic, &theirs)] {
        let (headlines, texts): (HashSet<_>, HashSet<_>) =
            posts.iter().map(|post| (&post.headline, &post.text)).unzip();
        assert_eq!((headlines.len(), texts.len()), (12, 12));
        let facts = analyse(brief).facts;
        assert!(posts.iter().all(|post| facts.iter().any(|fact| post.text.contains(fact.as_str()))));
        assert!(posts.iter().all(|post| !post.hashtags.is_empty() && !post.text.contains(['{', '}'])));
    }
    assert!(ours.iter().all(|post| !theirs.contains(post)));
    assert_eq!(ours, posts(&bakery), "the same brief gives the same posts");
}

#[test]
fn the_posts_of_a_bakery() {
    let shown: Vec<_> = posts(&bakery())
        .iter()
        .take(4)
        .map(|post| format!("{}\n\n{}\n\n{}", post.headline, post.text, post.hashtags.join(" ")))
        .collect();
    insta::assert_snapshot!(shown.join("\n\n=====\n\n"));
}

#[test]
fn any_text_gives_posts() {
    for description in
        ["x", "面包店在里斯本", "🥐🥐🥐", "a\nb\nc", "123 456", "{name} {fact} {word}", &"word ".repeat(1_000)]
    {
        for post in posts(&brief(description, "?")) {
            assert!(!post.headline.is_empty() && !post.text.is_empty(), "{description}");
        }
    }
}
