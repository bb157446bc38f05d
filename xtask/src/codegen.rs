//! Renews what is generated and committed. The tests fail when it is stale.

use crate::run::{cargo, step};
use crate::setup;

pub fn codegen() -> anyhow::Result<()> {
    let test = |package: &str, name: &str| {
        let mut command = cargo();
        command
            .args(["test", "--quiet", "-p", package, "--test", "it", name])
            .env("BIPLANE_UPDATE", "1");
        command
    };
    step("gRPC code from proto/", &mut test("biplane-proto", "generated_code_is_fresh"))?;
    step("openapi/ from the routes", &mut test("biplane-server", "openapi_is_fresh"))?;
    let tools = setup::setup(setup::For::Build)?;
    step("The web app's API types from openapi/", &mut tools.npm("web", &["run", "api:generate"]))
}
