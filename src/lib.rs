//! tightrope walks a built site onto a CDN, with a safety net under every asset.
//!
//! The library is what the command is made of: [`pipeline::build`] reads a site, decides every name and URL once, and
//! writes the new site beside it; [`verify::verify`] reads it again and trusts nothing.
//!
//! ```
//! use tightrope::config::{Config, settings::Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # std::fs::create_dir(dir.path().join("dist"))?;
//! # std::fs::write(dir.path().join("dist/index.html"), "<script src=app.js></script>")?;
//! # std::fs::write(dir.path().join("dist/app.js"), "1")?;
//! # let (dist, public) = (dir.path().join("dist"), dir.path().join("public"));
//! let settings = Settings { cdn: Some("https://static.example.com".to_owned()), ..Settings::default() };
//! let report = tightrope::pipeline::build(&dist, &public, &Config::new(settings)?)?;
//! assert_eq!(report.references_moved, 1);
//!
//! let checked = tightrope::verify::verify(&public)?;
//! assert!(checked.findings.is_empty());
//! # Ok(())
//! # }
//! ```

pub mod cdn;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod contents;
pub mod css;
pub mod error;
pub mod explain;
pub mod fallback;
pub mod filter;
pub mod graph;
pub mod html;
pub mod js;
pub mod json;
pub mod keep;
pub mod manifest;
pub mod model;
pub mod output;
pub mod page;
pub mod pipeline;
pub mod plan;
pub mod report;
#[cfg(feature = "serve")]
pub mod serve;
pub mod site;
pub mod text;
pub mod verify;
