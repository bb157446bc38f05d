//! A launcher without anything else in it: what the tests start.

fn main() {
    biplane_sandbox::launcher_main_if_asked();
    std::process::exit(2);
}
