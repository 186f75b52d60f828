//! What a run did: as text for people, as JSON for programs.

use crate::model::finding::{Code, Finding, Level};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The figures and findings of a build.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// How many pages there are.
    pub pages: usize,
    /// How many of them were changed.
    pub rewritten_pages: usize,
    /// How many assets there are.
    pub assets: usize,
    /// How many references were rewritten.
    pub references: usize,
    /// How many of them to the CDN.
    pub references_moved: usize,
    /// The size of all files that pages load from the CDN.
    pub bytes_moved: u64,
    /// How many files of earlier builds are published on.
    pub kept: usize,
    /// Whether SITE was built already with these options, so that it was copied.
    pub already_built: bool,
    /// What a Content-Security-Policy in a header must allow, by directive: sources and hashes, for all pages together.
    pub policy: BTreeMap<String, BTreeSet<String>>,
    /// What was left alone, and why. Sorted.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The report for people. Notes are only counted, unless `verbose`.
    pub fn to_text(&self, verbose: bool) -> String {
        let mut text = findings_text(&self.findings, verbose);
        if self.already_built {
            return text + "this site was built with these options already: copied as it is\n";
        }
        let megabytes = (self.bytes_moved + 50_000) / 100_000;
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{} pages ({} rewritten), {} assets, {} references rewritten, {} to the CDN ({}.{} MB)",
            self.pages,
            self.rewritten_pages,
            self.assets,
            self.references,
            self.references_moved,
            megabytes / 10,
            megabytes % 10
        );
        if self.kept > 0 {
            let _ = writeln!(text, "{} files of earlier builds kept", self.kept);
        }
        text + &self.policy_text(verbose) + &counts(&self.findings)
    }

    /// Where there is a policy, it is in a header that nobody sees here.
    fn policy_text(&self, verbose: bool) -> String {
        if self.policy.is_empty() || !verbose {
            return String::new();
        }
        let lines = self.policy.iter().map(|(directive, sources)| {
            let sources: Vec<_> = sources.iter().map(String::as_str).collect();
            format!("  {directive} {}\n", sources.join(" "))
        });
        format!("a Content-Security-Policy in a header must allow:\n{}", lines.collect::<String>())
    }

    /// The report for programs.
    pub fn to_json(&self) -> String {
        let report = json!({
            "pages": self.pages,
            "rewritten_pages": self.rewritten_pages,
            "assets": self.assets,
            "references": self.references,
            "references_moved": self.references_moved,
            "bytes_moved": self.bytes_moved,
            "kept": self.kept,
            "already_built": self.already_built,
            "policy": self.policy,
            "findings": findings_json(&self.findings),
        });
        format!("{report:#}\n")
    }
}

/// Findings for people, and how many of each kind.
pub fn findings_text(findings: &[Finding], verbose: bool) -> String {
    let mut text = String::new();
    for finding in findings.iter().filter(|finding| verbose || finding.code.level() > Level::Note) {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{finding}");
    }
    text
}

/// How many findings of each kind there are, a line each.
pub fn counts(findings: &[Finding]) -> String {
    Code::ALL
        .iter()
        .map(|code| (code, findings.iter().filter(|finding| finding.code == *code).count()))
        .filter(|(_, count)| *count > 0)
        .fold(String::new(), |text, (code, count)| format!("{text}{count} x {code}\n"))
}

/// Findings for programs.
pub fn findings_json(findings: &[Finding]) -> Vec<serde_json::Value> {
    findings
        .iter()
        .map(|finding| {
            json!({
                "path": finding.path,
                "line": finding.position.map(|position| position.line),
                "column": finding.position.map(|position| position.column),
                "level": finding.code.level(),
                "code": finding.code.name(),
                "reason": finding.reason,
                "hint": finding.code.hint(),
            })
        })
        .collect()
}

/// What a finding means, and what to do about it.
pub fn explanation(code: Code) -> String {
    format!("{code}\n{}\n  hint: {}\n\n", code.meaning(), code.hint())
}
