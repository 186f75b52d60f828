//! In which way the CDN fails, and for which files.

use crate::config::globs;
use crate::error::{Error, Result};
use globset::GlobSet;

/// In which way the CDN fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fault {
    /// In none: it answers as the origin does.
    #[default]
    None,
    /// Nothing listens: the connection is refused. For the whole CDN only.
    Closed,
    /// Pages name a host that no resolver knows, for it ends in `.invalid` (RFC 6761, section 6.4). For the whole CDN
    /// only. A page that was loaded before finds the port [closed](Self::Closed).
    Unresolvable,
    /// The connection is reset before any byte of an answer.
    Reset,
    /// The request is taken and never answered.
    Hang,
    /// The headers and half of the file, then silence.
    HangInBody,
    /// 1,024 bytes at once and then after each tenth of a second: 10 KiB a second.
    Slow,
    /// Half of what `Content-Length` promises, then the connection is closed in good order.
    Short,
    /// 200, and nothing in it.
    Empty,
    /// 404 for everything.
    NotFound,
    /// 500 for everything.
    ServerError,
    /// 200 and `text/html` for everything: a page that speaks of an error.
    HtmlError,
    /// The right bytes as `text/plain`, with `X-Content-Type-Options: nosniff`.
    WrongType,
    /// The right bytes, without `Access-Control-Allow-Origin`.
    NoCors,
    /// Every file has one byte that is not the published one. Where that is easy, the file still means something: it
    /// is the reader's integrity check that must notice, not the parser.
    Tampered,
}

impl Fault {
    /// All of them, the healthy CDN first.
    pub const ALL: [Self; 15] = [
        Self::None,
        Self::Closed,
        Self::Unresolvable,
        Self::Reset,
        Self::Hang,
        Self::HangInBody,
        Self::Slow,
        Self::Short,
        Self::Empty,
        Self::NotFound,
        Self::ServerError,
        Self::HtmlError,
        Self::WrongType,
        Self::NoCors,
        Self::Tampered,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Closed => "refuse",
            Self::Unresolvable => "dns",
            Self::Reset => "reset",
            Self::Hang => "hang",
            Self::HangInBody => "hang-in-body",
            Self::Slow => "slow",
            Self::Short => "short",
            Self::Empty => "empty",
            Self::NotFound => "404",
            Self::ServerError => "500",
            Self::HtmlError => "html",
            Self::WrongType => "mime",
            Self::NoCors => "nocors",
            Self::Tampered => "tamper",
        }
    }

    /// What it does, in a few words.
    pub fn description(self) -> &'static str {
        match self {
            Self::None => "healthy",
            Self::Closed => "connection refused",
            Self::Unresolvable => "a name that cannot be resolved",
            Self::Reset => "connection reset before any byte",
            Self::Hang => "taken, never answered",
            Self::HangInBody => "headers and half the body, then silence",
            Self::Slow => "10 KiB a second",
            Self::Short => "half of what Content-Length promises",
            Self::Empty => "200 with nothing",
            Self::NotFound => "not found",
            Self::ServerError => "internal server error",
            Self::HtmlError => "an HTML error page with 200",
            Self::WrongType => "text/plain and nosniff",
            Self::NoCors => "no Access-Control-Allow-Origin",
            Self::Tampered => "one byte is another",
        }
    }

    /// Whether a connection comes about.
    pub(super) fn is_reachable(self) -> bool {
        !matches!(self, Self::Closed | Self::Unresolvable)
    }

    fn parse(name: &str, value: &str) -> Result<Self> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.ok_or_else(|| refusal(value, format!("no fault is called `{name}`; there are {}", names())))
    }
}

fn refusal(value: &str, reason: String) -> Error {
    Error::Setting { setting: "--fault", value: value.to_owned(), reason }
}

/// Files that fail in a way of their own.
#[derive(Clone, Debug)]
struct Rule {
    pattern: String,
    glob: GlobSet,
    fault: Fault,
}

/// How the CDN fails as a whole, and which files fail otherwise.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    whole: Fault,
    some: Vec<Rule>,
}

impl Rules {
    /// The same fault for every file.
    pub fn all(fault: Fault) -> Self {
        Self { whole: fault, some: Vec::new() }
    }

    /// Reads `MODE` and `GLOB=MODE`. A MODE alone is for every file that no GLOB matches, wherever it stands in the
    /// list; of two such, and of several GLOBs that match, the last counts.
    ///
    /// A GLOB without a slash matches the file's name in any directory. It is held against the name under which a file
    /// is published, and against the one it had before.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self> {
        let mut rules = Self::default();
        for text in texts.iter().map(AsRef::as_ref) {
            match text.rsplit_once('=') {
                None => rules.whole = Fault::parse(text, text)?,
                Some((pattern, mode)) => rules.some.push(Rule::parse(pattern, mode, text)?),
            }
        }
        Ok(rules)
    }

    /// What [`parse`](Self::parse) reads.
    pub fn texts(&self) -> Vec<String> {
        let some = self.some.iter().map(|rule| format!("{}={}", rule.pattern, rule.fault.name()));
        [self.whole.name().to_owned()].into_iter().chain(some).collect()
    }

    /// For files that no GLOB matches.
    pub(super) fn whole(&self) -> Fault {
        self.whole
    }

    /// For a file with these names.
    pub(super) fn fault_of(&self, names: &[&str]) -> Fault {
        let mut matching = self.some.iter().rev().filter(|rule| names.iter().any(|name| rule.glob.is_match(name)));
        matching.next().map_or(self.whole, |rule| rule.fault)
    }
}

impl Rule {
    fn parse(pattern: &str, mode: &str, text: &str) -> Result<Self> {
        let fault = Fault::parse(mode, text)?;
        if !fault.is_reachable() {
            let reason = format!(
                "`{mode}` is for the whole CDN, because it strikes before a file is asked for; for some files, \
                 try `{pattern}=reset`"
            );
            return Err(refusal(text, reason));
        }
        Ok(Self { pattern: pattern.to_owned(), glob: globs("--fault", &[pattern.to_owned()])?, fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_alone_is_for_what_no_glob_matches_and_the_last_glob_that_matches_counts() {
        for texts in
            [["404", "*.css=hang", "css/*=slow", "b.css=none"], ["*.css=hang", "css/*=slow", "b.css=none", "404"]]
        {
            let rules = Rules::parse(&texts).expect("rules");
            for (name, fault) in [
                ("a.js", Fault::NotFound),
                ("a.css", Fault::Hang),
                ("deep/a.css", Fault::Hang),
                ("css/a.css", Fault::Slow),
                ("css/b.css", Fault::None),
            ] {
                assert_eq!(rules.fault_of(&[name]), fault, "{texts:?} {name}");
            }
            assert_eq!(rules.fault_of(&["x/app.0123.css", "x/b.css"]), Fault::None);
            assert_eq!(rules.texts(), ["404", "*.css=hang", "css/*=slow", "b.css=none"]);
        }
    }

    #[test]
    fn what_cannot_be_said_of_some_files_or_is_no_mode_is_refused() {
        for (text, reason) in [
            ("*.css=refuse", "try `*.css=reset`"),
            ("*.css=dns", "`dns` is for the whole CDN"),
            ("timeout", "no fault is called `timeout`; there are none, refuse, dns, reset, hang, "),
            ("a=b=c", "no fault is called `c`"),
            ("[=404", "not a glob"),
        ] {
            let error = Rules::parse(&[text]).expect_err(text).to_string();
            assert!(error.starts_with("--fault `") && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn every_fault_is_read_by_its_name() {
        for fault in Fault::ALL {
            assert_eq!(Rules::parse(&[fault.name()]).expect("a name").whole(), fault);
        }
    }
}
