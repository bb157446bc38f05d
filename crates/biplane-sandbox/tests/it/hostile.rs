//! Every attack is refused; each of them succeeds without a sandbox, and when its layer is taken away.

use crate::attacks::{self, Attack, CONTROL_USER, Control};
use crate::world::{World, again_as_nobody, is_root};
use biplane_sandbox::{Isolator, Layer, LevelKind, ProcView};

#[test]
fn nothing_gets_out_as_root() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let level = if world.groups() > 0 { LevelKind::Full } else { LevelKind::Degraded };
    assert_eq!(world.native.level().kind, level, "{:?}", world.native.level().reasons);
    let rendezvous = Rendezvous::new(&world);
    let mut wrong = attack_all(&world, |attack| attack.root_layers);
    wrong.extend(controls(&world));
    drop(rendezvous);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn nothing_gets_out_unprivileged() {
    if is_root() {
        again_as_nobody("hostile::unprivileged");
    }
}

#[test]
#[ignore = "the test above runs it as a user without privileges"]
fn unprivileged() {
    let world = World::new();
    assert_eq!(world.native.level().kind, LevelKind::Degraded);
    let _rendezvous = Rendezvous::new(&world);
    // Without a user namespace nobody unprivileged gets any other.
    let wrong = attack_all(&world, |attack| match attack.user_layers.contains(&Layer::User) {
        true => &[],
        false => attack.user_layers,
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_narrow_view_of_processes_holds_as_well() {
    if !is_root() {
        return;
    }
    let world = World::new();
    for words in [["kernel-files"], ["sysctl"], ["launcher"], ["processes"], ["privileges"]] {
        let mut spec = world.spec(&words.map(str::to_owned));
        spec.proc = ProcView::Processes;
        let run = world.run_spec(&spec);
        assert_eq!(run.status, 1, "{words:?}: {}", run.text);
    }
}

fn attack_all(world: &World, layers: impl Fn(&Attack) -> &'static [Layer]) -> Vec<String> {
    let mut wrong = Vec::new();
    for attack in attacks::all(world) {
        let Attack { row, words, may_die, .. } = &attack;
        let run = world.run(words, &[]);
        let refused = run.status == 1 || (*may_die && run.status < 0);
        eprintln!("{row:2} {words:?} {} {}", run.status, run.text.trim());
        if !refused {
            wrong.push(format!("row {row} {words:?}: {} {}", run.status, run.text.trim()));
        }
        let without = layers(&attack);
        if without.is_empty() {
            continue;
        }
        let run = world.run(words, without);
        if run.status != 0 {
            let text = run.text.trim();
            wrong.push(format!("row {row} {words:?} without {without:?}: {} {text}", run.status));
        }
    }
    wrong
}

fn controls(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    for attack in attacks::all(world) {
        let run = match &attack.control {
            Control::Words(words) => world.control(words, None),
            Control::AsNobody(words) => world.control(words, Some(CONTROL_USER)),
            Control::Never => continue,
        };
        if run.status != 0 {
            let Attack { row, words, .. } = &attack;
            wrong.push(format!(
                "control of row {row} {words:?}: {} {}",
                run.status,
                run.text.trim()
            ));
        }
    }
    wrong
}

/// What two sandboxes could meet at, made on the host until this is dropped.
struct Rendezvous<'a>(&'a World);

impl<'a> Rendezvous<'a> {
    fn new(world: &'a World) -> Self {
        let made = Self(world);
        made.ask("meet");
        made
    }

    fn ask(&self, verb: &str) {
        let key = &self.0.key;
        let words = [verb, key, &format!("hostile-{key}")].map(str::to_owned);
        let run = self.0.control(&words, None);
        assert_eq!(run.status, 0, "{verb}: {}", run.text);
    }
}

impl Drop for Rendezvous<'_> {
    fn drop(&mut self) {
        self.ask("part");
    }
}
