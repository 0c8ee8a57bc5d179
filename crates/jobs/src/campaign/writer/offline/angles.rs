//! The patterns of posts.

/// A way to look at a business. `{name}`, `{fact}` (a sentence of the description), `{word}` and `{other}` (words that matter) and
/// `{aim}` (a word of the objective) are gaps.
pub(super) struct Angle {
    pub(super) tag: &'static str,
    pub(super) headlines: &'static [&'static str],
    pub(super) bodies: &'static [&'static str],
}

pub(super) const ANGLES: &[Angle] = &[
    Angle {
        tag: "hello",
        headlines: &["Meet {name}", "Hello from {name}", "This is {name}"],
        bodies: &[
            "{fact}\n\nThat is the short version. The long one has a lot of {word} in it, and we tell it gladly.",
            "If you have not met {name} yet: {fact}\n\nEverything else follows from there, the {word} first of all.",
        ],
    },
    Angle {
        tag: "behind the scenes",
        headlines: &["Behind the {word}", "How the {word} happens", "Where {word} begins"],
        bodies: &[
            "Most people see the result. What they do not see is the {word} behind it.\n\n{fact}",
            "Early in the day, before anybody is watching, it is all about {word}.\n\n{fact} That is how {other} becomes something to look forward to.",
        ],
    },
    Angle {
        tag: "question",
        headlines: &["What does {word} mean to you?", "{word} or {other}?", "Be honest: how is your {word}?"],
        bodies: &[
            "We ask ourselves the same thing every week at {name}.\n\n{fact} And you: are you here for the {word}, or for the {other}?",
            "There is no wrong answer. Ours is simple: {fact}",
        ],
    },
    Angle {
        tag: "did you know",
        headlines: &["Did you know?", "One thing about {word}", "Small fact, big {word}"],
        bodies: &[
            "{fact}\n\nOnce you know it, you look at {word} with other eyes.",
            "Here is something that surprises people about {name}: {fact}",
        ],
    },
    Angle {
        tag: "promise",
        headlines: &["{word}, and no shortcuts", "We take {word} seriously", "Our word on {word}"],
        bodies: &[
            "It would be easier to do it another way. We do not.\n\n{fact} That is what {name} stands for, today and next year.",
            "{fact}\n\nNo small print. If the {word} is not right, nothing else is.",
        ],
    },
    Angle {
        tag: "tip",
        headlines: &["A tip from {name}", "Try this with {word}", "{word}: start here"],
        bodies: &[
            "Begin with the {word}, then add {other}, and do not hurry. It sounds simple because it is.\n\n{fact}",
            "People ask us what makes the difference. Our answer: look after the {word} first, and the {other} follows.\n\n{fact}",
        ],
    },
    Angle {
        tag: "story",
        headlines: &["It started with {word}", "The idea behind {name}", "Why we do this"],
        bodies: &[
            "Every story has a first sentence. Ours could be this one: {fact}\n\nEverything since has been about {word}, and about the people who care for it as much as we do.",
            "Somebody asked why {name} exists at all.\n\n{fact} We have not found a better reason yet.",
        ],
    },
    Angle {
        tag: "invitation",
        headlines: &["You are invited", "Make room for {word}", "This one is for you"],
        bodies: &[
            "Think of it as an open door. {fact}\n\nBring your curiosity; we bring the {word}.",
            "{fact}\n\nIf that sounds like your kind of {word}, you already belong here.",
        ],
    },
    Angle {
        tag: "focus",
        headlines: &["Today: {word}", "All about {word}", "In focus: {word}"],
        bodies: &[
            "One thing at a time, and today that is {word}.\n\n{fact} Tomorrow it is {other}'s turn.",
            "We could talk about {other} all day. Let us talk about {word} instead.\n\n{fact}",
        ],
    },
    Angle {
        tag: "thank you",
        headlines: &["Thank you for the {word}", "Because of you", "To everyone who asked for {word}"],
        bodies: &[
            "{fact}\n\nNone of it would work without the people who come back. This post is for you.",
            "You asked for {word}, and you were right. {fact}",
        ],
    },
    Angle {
        tag: "what is next",
        headlines: &["What is next for {name}", "Next up: {aim}", "We have our eyes on {aim}"],
        bodies: &[
            "A look ahead: more {word}, more {other}, and a clear eye on {aim}.\n\n{fact}",
            "{fact}\n\nThat was the beginning. What comes next has to do with {aim}, and with you.",
        ],
    },
    Angle {
        tag: "side by side",
        headlines: &["{word} meets {other}", "More {word}, less noise", "{word} first, {other} close behind"],
        bodies: &[
            "On their own, {word} and {other} are fine. Together they are the reason people remember {name}.\n\n{fact}",
            "There is enough noise out there. So here is {word}, plain and simple.\n\n{fact}",
        ],
    },
];
