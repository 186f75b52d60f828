//! The part of the matrix that runs with every change: scripts, sheets and images, with every fault, the net inline,
//! without a policy and with a nonce.

use super::axes::{Axis as _, Element, Group, Net, Policy};
use super::run;
use crate::browser::Engine;
use tightrope::serve::Fault;

const SCRIPTS: &[Element] = &[
    Element::Blocking,
    Element::Defer,
    Element::DeferBesideLocal,
    Element::Async,
    Element::Module,
    Element::Dependency,
    Element::InlineModule,
    Element::DynamicImport,
    Element::Inserted,
];
const SHEETS: &[Element] = &[Element::Stylesheet, Element::Import, Element::Font, Element::Background];
const IMAGES: &[Element] = &[Element::Img, Element::Srcset, Element::Picture, Element::NewImage, Element::SvgImage];

async fn holds(engine: Engine, elements: &[Element], policy: Policy) {
    let group = Group { engine, net: Net::Inline, policy };
    let complaints = run::complaints(&run::group(group, elements, &Fault::ALL).await);
    let (policy, count) = (policy.name(), complaints.len());
    assert!(complaints.is_empty(), "policy {policy}, {count} cells:\n{}", complaints.join("\n"));
}

/// One test for each engine, family of elements and policy.
macro_rules! in_each_engine {
    ($($module:ident $engine:ident,)*) => { $(
        mod $module {
            use super::{Engine, IMAGES, Policy, SCRIPTS, SHEETS, holds};

            #[tokio::test(flavor = "multi_thread")]
            async fn scripts_survive_every_fault() {
                holds(Engine::$engine, SCRIPTS, Policy::None).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn scripts_survive_every_fault_under_a_policy_with_a_nonce() {
                holds(Engine::$engine, SCRIPTS, Policy::Nonce).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sheets_survive_every_fault() {
                holds(Engine::$engine, SHEETS, Policy::None).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sheets_survive_every_fault_under_a_policy_with_a_nonce() {
                holds(Engine::$engine, SHEETS, Policy::Nonce).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn images_survive_every_fault() {
                holds(Engine::$engine, IMAGES, Policy::None).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn images_survive_every_fault_under_a_policy_with_a_nonce() {
                holds(Engine::$engine, IMAGES, Policy::Nonce).await;
            }
        }
    )* };
}

in_each_engine! {
    in_chromium Chromium,
    in_firefox Firefox,
    in_webkit WebKit,
}
