//! Names that files with secrets have, and directories with the history of a site: nobody means to publish them.

use crate::model::path::SitePath;

/// What a name is taken for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Secret<'p> {
    /// The file, or the directory in which all is secret, from the site's root.
    pub place: &'p str,
    /// What such a file or directory holds.
    pub holds: &'static str,
}

/// Directories that are secret with all that is in them. Where a repository is checked out twice, `.git` is a file.
const DIRECTORIES: [(&str, &str); 10] = [
    (".git", "the history of a repository"),
    (".svn", "the history of a repository"),
    (".hg", "the history of a repository"),
    (".bzr", "the history of a repository"),
    ("_darcs", "the history of a repository"),
    ("cvs", "the history of a repository"),
    (".ssh", "keys"),
    (".gnupg", "keys"),
    (".aws", "credentials"),
    (".kube", "credentials"),
];

/// Files that are known by their whole name.
const FILES: [(&str, &str); 18] = [
    (".env", "settings, often with passwords"),
    (".envrc", "settings, often with passwords"),
    (".htpasswd", "passwords"),
    (".htdigest", "passwords"),
    (".netrc", "passwords"),
    ("_netrc", "passwords"),
    (".pgpass", "passwords"),
    (".my.cnf", "passwords"),
    (".git-credentials", "credentials"),
    (".npmrc", "credentials"),
    (".pypirc", "credentials"),
    (".dockercfg", "credentials"),
    (".s3cfg", "credentials"),
    (".bash_history", "what somebody has typed"),
    ("id_rsa", "a private key"),
    ("id_dsa", "a private key"),
    ("id_ecdsa", "a private key"),
    ("id_ed25519", "a private key"),
];

/// Extensions of keys and of what keeps them.
const EXTENSIONS: [&str; 8] = ["pem", "key", "p12", "pfx", "ppk", "jks", "keystore", "kdbx"];

/// What a file's path gives away; `None` for most files. Case does not count.
pub fn of(path: &SitePath) -> Option<Secret<'_>> {
    directory(path).or_else(|| Some(Secret { place: path.as_str(), holds: file(path)? }))
}

fn directory(path: &SitePath) -> Option<Secret<'_>> {
    let mut end = 0;
    path.as_str().split('/').find_map(|segment| {
        end += segment.len();
        let place = &path.as_str()[..end];
        end += 1;
        let known = DIRECTORIES.iter().find(|(name, _)| segment.eq_ignore_ascii_case(name));
        known.map(|(_, holds)| Secret { place, holds })
    })
}

fn file(path: &SitePath) -> Option<&'static str> {
    let name = path.file_name().to_ascii_lowercase();
    let known = FILES.iter().find(|(file, _)| *file == name).map(|(_, holds)| *holds);
    let is_key = || EXTENSIONS.contains(&path.extension().as_str()).then_some("keys, by its extension");
    // `.env.production` has them, `.env.example` shows what there is to set.
    let samples = ["example", "sample", "template", "dist"];
    let of_settings = || name.strip_prefix(".env.").filter(|rest| !samples.contains(rest)).map(|_| FILES[0].1);
    known.or_else(is_key).or_else(of_settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Option<String> {
        of(&SitePath::new(path).expect("a path")).map(|secret| secret.place.to_owned())
    }

    #[test]
    fn secrets_are_known_by_their_names_and_directories_with_all_that_is_in_them() {
        for (path, expected) in [
            (".git/HEAD", ".git"),
            ("sub/.git", "sub/.git"),
            ("a/.SVN/b/entries", "a/.SVN"),
            ("CVS/Root", "CVS"),
            (".env", ".env"),
            ("app/.env.production", "app/.env.production"),
            ("admin/.htpasswd", "admin/.htpasswd"),
            ("keys/ID_RSA", "keys/ID_RSA"),
            ("tls/server.pem", "tls/server.pem"),
            ("tls/server.KEY", "tls/server.KEY"),
        ] {
            assert_eq!(place(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn names_that_only_look_like_them_are_fine() {
        for path in [
            "git/HEAD",
            ".gitignore",
            ".github/a.yml",
            "env.js",
            ".env.example",
            ".environment",
            "id_rsa.pub",
            "key",
            "pem.js",
            ".well-known/security.txt",
            ".htaccess",
            "monkey.png",
        ] {
            assert_eq!(place(path), None, "{path}");
        }
    }
}
