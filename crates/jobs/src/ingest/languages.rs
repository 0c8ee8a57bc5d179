//! The languages whose symbols are found, and the queries that find them.
//!
//! Each grammar's own query for tags is used; where it is missing something, ours is added to it.

use std::collections::HashMap;
use std::sync::OnceLock;

use tree_sitter_tags::TagsConfiguration;

use super::depth::Lines;

/// A language with a grammar.
pub(crate) struct Language {
    pub(crate) name: &'static str,
    extensions: &'static [&'static str],
    grammar: fn() -> tree_sitter::Language,
    queries: &'static [&'static str],
    locals: &'static str,
    pub(crate) lines: Lines,
    tags: OnceLock<Result<TagsConfiguration, String>>,
}

/// What a file without a known language counts as.
pub(crate) const OTHER: &str = "Other";

/// Text formats that are named in the summary but have no symbols.
const PLAIN: &[(&str, &[&str])] = &[
    ("CSS", &["css", "less", "scss"]),
    ("HTML", &["htm", "html"]),
    ("JSON", &["json"]),
    ("Markdown", &["md", "markdown"]),
    ("SQL", &["sql"]),
    ("Shell", &["bash", "sh", "zsh"]),
    ("TOML", &["toml"]),
    ("XML", &["svg", "xml"]),
    ("YAML", &["yaml", "yml"]),
];

static LANGUAGES: [Language; 12] = [
    Language::new("Rust", &["rs"], || tree_sitter_rust::LANGUAGE.into(), &[tree_sitter_rust::TAGS_QUERY, RUST]),
    Language::new("Python", &["py", "pyi"], || tree_sitter_python::LANGUAGE.into(), &[tree_sitter_python::TAGS_QUERY])
        .with_lines(Lines::Statements),
    Language::new(
        "JavaScript",
        &["js", "mjs", "cjs", "jsx"],
        || tree_sitter_javascript::LANGUAGE.into(),
        &[tree_sitter_javascript::TAGS_QUERY],
    ),
    // TypeScript's query only covers what it adds to JavaScript.
    Language::new(
        "TypeScript",
        &["ts", "mts", "cts"],
        || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        &[tree_sitter_typescript::TAGS_QUERY, tree_sitter_javascript::TAGS_QUERY, TYPESCRIPT],
    ),
    Language::new(
        "TSX",
        &["tsx"],
        || tree_sitter_typescript::LANGUAGE_TSX.into(),
        &[tree_sitter_typescript::TAGS_QUERY, tree_sitter_javascript::TAGS_QUERY, TYPESCRIPT],
    ),
    Language::new("Go", &["go"], || tree_sitter_go::LANGUAGE.into(), &[tree_sitter_go::TAGS_QUERY]),
    Language::new("Java", &["java"], || tree_sitter_java::LANGUAGE.into(), &[tree_sitter_java::TAGS_QUERY, JAVA]),
    Language::new("C", &["c", "h"], || tree_sitter_c::LANGUAGE.into(), &[tree_sitter_c::TAGS_QUERY, C])
        .with_lines(Lines::Directives),
    Language::new(
        "C++",
        &["cc", "cpp", "cxx", "hh", "hpp", "hxx"],
        || tree_sitter_cpp::LANGUAGE.into(),
        &[tree_sitter_cpp::TAGS_QUERY, C, CPP],
    )
    .with_lines(Lines::Directives),
    Language::new("C#", &["cs"], || tree_sitter_c_sharp::LANGUAGE.into(), &[C_SHARP]),
    Language::new("Ruby", &["rb", "rake"], || tree_sitter_ruby::LANGUAGE.into(), &[tree_sitter_ruby::TAGS_QUERY])
        .with_locals(tree_sitter_ruby::LOCALS_QUERY)
        .with_lines(Lines::Statements),
    Language::new("PHP", &["php"], || tree_sitter_php::LANGUAGE_PHP.into(), &[tree_sitter_php::TAGS_QUERY, PHP]),
];

const RUST: &str = r"
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.constant
(function_signature_item name: (identifier) @name) @definition.method
(call_expression function: (scoped_identifier name: (identifier) @name)) @reference.call
";

const TYPESCRIPT: &str = r"
(type_alias_declaration name: (type_identifier) @name) @definition.type
(enum_declaration name: (identifier) @name) @definition.enum
";

const JAVA: &str = r"
(enum_declaration name: (identifier) @name) @definition.class
(record_declaration name: (identifier) @name) @definition.class
(constructor_declaration name: (identifier) @name) @definition.method
";

/// C's own query has definitions only.
const C: &str = r"
(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro
(call_expression function: (identifier) @name) @reference.call
(call_expression function: (field_expression field: (field_identifier) @name)) @reference.call
";

const CPP: &str = r"
(namespace_definition name: (namespace_identifier) @name) @definition.module
(call_expression function: (qualified_identifier name: (identifier) @name)) @reference.call
";

/// Instead of C#'s own query, which has a capture that `tree-sitter-tags` refuses.
const C_SHARP: &str = r"
(class_declaration name: (identifier) @name) @definition.class
(struct_declaration name: (identifier) @name) @definition.class
(record_declaration name: (identifier) @name) @definition.class
(enum_declaration name: (identifier) @name) @definition.enum
(interface_declaration name: (identifier) @name) @definition.interface
(method_declaration name: (identifier) @name) @definition.method
(constructor_declaration name: (identifier) @name) @definition.method
(property_declaration name: (identifier) @name) @definition.property
(namespace_declaration name: (_) @name) @definition.module
(file_scoped_namespace_declaration name: (_) @name) @definition.module
(base_list (identifier) @name) @reference.class
(object_creation_expression type: (identifier) @name) @reference.class
(invocation_expression function: (identifier) @name) @reference.call
(invocation_expression function: (member_access_expression name: (identifier) @name)) @reference.call
";

const PHP: &str = r"
(enum_declaration name: (name) @name) @definition.class
(function_call_expression function: (name) @name) @reference.call
(object_creation_expression (name) @name) @reference.class
";

impl Language {
    const fn new(
        name: &'static str,
        extensions: &'static [&'static str],
        grammar: fn() -> tree_sitter::Language,
        queries: &'static [&'static str],
    ) -> Self {
        Self { name, extensions, grammar, queries, locals: "", lines: Lines::Free, tags: OnceLock::new() }
    }

    const fn with_locals(mut self, locals: &'static str) -> Self {
        self.locals = locals;
        self
    }

    const fn with_lines(mut self, lines: Lines) -> Self {
        self.lines = lines;
        self
    }

    /// The compiled query, or why there is none: whether a grammar fits the library shows only when it runs.
    pub(crate) fn tags(&self) -> Result<&TagsConfiguration, &str> {
        self.tags
            .get_or_init(|| {
                TagsConfiguration::new((self.grammar)(), &self.queries.join("\n"), self.locals)
                    .map_err(|error| error.to_string())
            })
            .as_ref()
            .map_err(String::as_str)
    }
}

/// The language of the file at `path`, if it has a grammar, and the name it counts under in any case.
pub(crate) fn of(path: &str) -> (Option<&'static Language>, &'static str) {
    static BY_EXTENSION: OnceLock<HashMap<&str, (Option<&Language>, &str)>> = OnceLock::new();
    let known = BY_EXTENSION.get_or_init(|| {
        let parsed = LANGUAGES.iter().flat_map(|language| {
            language.extensions.iter().map(move |&extension| (extension, (Some(language), language.name)))
        });
        let plain = PLAIN
            .iter()
            .flat_map(|&(name, extensions)| extensions.iter().map(move |&extension| (extension, (None, name))));
        plain.chain(parsed).collect()
    });
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    known.get(extension.as_str()).copied().unwrap_or((None, OTHER))
}

/// The language of that name, if it has a grammar.
pub(crate) fn named(name: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::parse::{Brake, symbols};
    use crate::ingest::symbols::Role;

    /// A file's name, a sample, what it defines and what it refers to.
    const SAMPLES: [(&str, &str, &str, &str); 12] = [
        (
            "a.rs",
            "const MAX: u8 = 1; struct Cat; trait Pet { fn name(); }\nfn feed() { eat(); Cat::new(); say!(); }",
            "Cat MAX Pet feed name",
            "eat new say",
        ),
        ("a.py", "class Cat:\n  def feed(self):\n    eat()\n    self.purr()\n", "Cat feed", "eat purr"),
        ("a.js", "class Cat { feed() { eat(); } }\nconst f = () => new Dog();", "Cat f feed", "Dog eat"),
        (
            "a.ts",
            "interface Pet { feed(): void }\nclass Cat {}\ntype Id = string;\nfunction f(p: Pet) { eat(); }",
            "Cat Id Pet f feed",
            "Pet eat",
        ),
        ("a.tsx", "function View() { return <div>{draw()}</div>; }", "View", "draw"),
        (
            "a.go",
            "package p\ntype Cat struct{}\nfunc (c Cat) Feed() { eat() }\nfunc main() {}",
            "Cat Feed main",
            "Cat eat",
        ),
        (
            "a.java",
            "class Cat { Cat() {} void feed() { eat(new Dog()); } }\nrecord R(int x) {}",
            "Cat R feed",
            "Dog eat",
        ),
        ("a.c", "#define MAX 1\nstruct cat { int age; };\nint feed(void) { return eat(MAX); }", "MAX cat feed", "eat"),
        (
            "a.cpp",
            "namespace zoo { class Cat { void feed(); }; }\nvoid zoo::Cat::feed() { eat(); zoo::play(); }",
            "Cat feed zoo",
            "eat play",
        ),
        (
            "a.cs",
            "namespace Zoo { class Cat : Pet { void Feed() { Eat(); this.Play(); new Dog(); } } enum E { A } }",
            "Cat E Feed Zoo",
            "Dog Eat Pet Play",
        ),
        ("a.rb", "module Zoo\n class Cat\n  def feed(food)\n   eat(food)\n  end\n end\nend", "Cat Zoo feed", "eat"),
        (
            "a.php",
            "<?php\nclass Cat { function feed() { eat(); $this->play(); new Dog(); } }",
            "Cat feed",
            "Dog eat play",
        ),
    ];

    #[test]
    fn every_grammar_loads_and_finds_symbols() {
        for language in &LANGUAGES {
            assert_eq!(language.tags().err(), None, "{}", language.name);
        }
        let mut context = tree_sitter_tags::TagsContext::new();
        for (path, text, definitions, references) in SAMPLES {
            let language = of(path).0.unwrap();
            let mut found = Vec::new();
            let complete = symbols(language, text, &mut context, &Brake::default(), |symbol| {
                found.push((symbol.role, symbol.name.to_owned()));
                Ok::<(), ()>(())
            });
            assert_eq!(complete, Ok(true), "{path}");
            for (role, expect) in [(Role::Definition, definitions), (Role::Reference, references)] {
                let names = found.iter().filter(|(found, _)| *found == role).map(|(_, name)| name.as_str());
                let names: std::collections::BTreeSet<_> = names.collect();
                assert_eq!(names.into_iter().collect::<Vec<_>>().join(" "), expect, "{path} {role:?}");
            }
        }
    }

    #[test]
    fn languages_by_name() {
        let cases = [
            ("src/main.rs", "Rust", true),
            ("A.PY", "Python", true),
            ("web/app.d.ts", "TypeScript", true),
            ("README.md", "Markdown", false),
            ("Makefile", OTHER, false),
            ("rs", OTHER, false),
            (".rs/none", OTHER, false),
        ];
        for (path, name, has_grammar) in cases {
            let (language, found) = of(path);
            assert_eq!((language.is_some(), found), (has_grammar, name), "{path}");
        }
    }
}
