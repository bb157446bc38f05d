//! From a list of rules to instructions: a binary search over ranges of numbers, with small programs
//! for the calls that depend on their arguments.

use super::calls::{self, Check, Rule};
use std::collections::BTreeMap;

pub type Instruction = libc::sock_filter;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const JUMP_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

#[cfg(target_arch = "x86_64")]
const OURS: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const OURS: u32 = 0xc000_00b7;

/// The first number that came after libraries learned to fall back (`pidfd_send_signal`).
const NEWER: u32 = 424;
/// Numbers of the x32 kind begin here.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Leaf {
    Answer(u32),
    Depends(&'static [Check]),
}

/// The whole program.
pub fn build() -> Vec<Instruction> {
    let mut program = vec![
        load(ARCHITECTURE),
        Instruction { code: JUMP_EQUAL, jt: 1, jf: 0, k: OURS },
        answer(KILL),
        load(NUMBER),
    ];
    program.extend(search(&ranges()));
    program
}

/// Where each answer begins, in order; the first one at 0.
fn ranges() -> Vec<(u32, Leaf)> {
    let mut rules: BTreeMap<u32, Leaf> = BTreeMap::new();
    for (number, rule) in calls::all() {
        let leaf = match rule {
            Rule::Allow => Leaf::Answer(ALLOW),
            Rule::Unknown => Leaf::Answer(UNKNOWN),
            Rule::When(checks) => Leaf::Depends(checks),
        };
        rules.insert(number, leaf);
    }
    let mut ranges: Vec<(u32, Leaf)> = Vec::new();
    let mut add = |start: u32, leaf: Leaf| {
        if ranges.last().is_none_or(|(_, last)| *last != leaf || matches!(leaf, Leaf::Depends(_))) {
            ranges.push((start, leaf));
        }
    };
    let mut next = 0;
    let gap = |from: u32| Leaf::Answer(if from < NEWER { REFUSE } else { UNKNOWN });
    for (number, leaf) in rules {
        if next < number {
            add(next, gap(next));
            if next < NEWER && NEWER < number {
                add(NEWER, gap(NEWER));
            }
        }
        add(number, leaf);
        next = number + 1;
    }
    add(next, gap(next));
    if next < NEWER {
        add(NEWER, gap(NEWER));
    }
    #[cfg(target_arch = "x86_64")]
    add(X32, Leaf::Answer(REFUSE));
    ranges
}

fn search(ranges: &[(u32, Leaf)]) -> Vec<Instruction> {
    let Some(middle) = ranges.get(ranges.len() / 2).filter(|_| ranges.len() > 1) else {
        return ranges.first().map_or_else(|| vec![answer(REFUSE)], |(_, leaf)| block(leaf));
    };
    let (below, above) = ranges.split_at(ranges.len() / 2);
    let (below, above) = (search(below), search(above));
    let length = below.len() as u32;
    let mut program = match u8::try_from(length) {
        Ok(over) => vec![Instruction { code: JUMP_AT_LEAST, jt: over, jf: 0, k: middle.0 }],
        Err(_) => vec![
            Instruction { code: JUMP_AT_LEAST, jt: 0, jf: 1, k: middle.0 },
            Instruction { code: JUMP, jt: 0, jf: 0, k: length },
        ],
    };
    program.extend(below);
    program.extend(above);
    program
}

fn block(leaf: &Leaf) -> Vec<Instruction> {
    match leaf {
        Leaf::Answer(code) => vec![answer(*code)],
        Leaf::Depends(checks) => {
            let mut program: Vec<Instruction> = checks.iter().flat_map(one).collect();
            program.push(answer(ALLOW));
            program
        }
    }
}

/// Returns REFUSE unless the check holds. The kernel takes these arguments as 32 bits, and so does this:
/// what is in the upper half changes nothing.
fn one(check: &Check) -> Vec<Instruction> {
    let argument = |index: u8| load(ARGUMENTS + 8 * u32::from(index));
    match *check {
        Check::OneOf(index, values) => {
            let mut program = vec![argument(index)];
            program.extend(equals(values));
            program.push(answer(REFUSE));
            program
        }
        Check::NoBits(index, bits) => vec![
            argument(index),
            Instruction { code: JUMP_ANY_BIT, jt: 0, jf: 1, k: bits },
            answer(REFUSE),
        ],
        Check::IfThenOneOf { index, is, then, values } => {
            let mut inner = vec![argument(then)];
            inner.extend(equals(values));
            inner.push(answer(REFUSE));
            let over = inner.len() as u8;
            let mut program = vec![argument(index)];
            program.push(Instruction { code: JUMP_EQUAL, jt: 0, jf: over, k: is });
            program.extend(inner);
            program
        }
    }
}

/// Jumps over the one instruction after them when one is equal.
fn equals(values: &[u32]) -> Vec<Instruction> {
    let left = |place: usize| (values.len() - place) as u8;
    let jump = |(place, value): (usize, &u32)| Instruction {
        code: JUMP_EQUAL,
        jt: left(place),
        jf: 0,
        k: *value,
    };
    values.iter().enumerate().map(jump).collect()
}

fn load(offset: u32) -> Instruction {
    Instruction { code: LOAD, jt: 0, jf: 0, k: offset }
}

fn answer(code: u32) -> Instruction {
    Instruction { code: RETURN, jt: 0, jf: 0, k: code }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's interpreter, as far as this program uses it.
    fn run(program: &[Instruction], number: u32, arch: u32, arguments: [u64; 6]) -> u32 {
        let mut data = [0_u8; 64];
        data[0..4].copy_from_slice(&number.to_ne_bytes());
        data[4..8].copy_from_slice(&arch.to_ne_bytes());
        for (place, argument) in arguments.iter().enumerate() {
            data[16 + 8 * place..24 + 8 * place].copy_from_slice(&argument.to_ne_bytes());
        }
        let (mut at, mut accumulator) = (0, 0_u32);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            at += 1;
            let jump = |yes: bool| usize::from(if yes { jt } else { jf });
            match code {
                LOAD => {
                    let bytes = &data[k as usize..k as usize + 4];
                    accumulator = u32::from_ne_bytes(bytes.try_into().unwrap());
                }
                JUMP_EQUAL => at += jump(accumulator == k),
                JUMP_AT_LEAST => at += jump(accumulator >= k),
                JUMP_ANY_BIT => at += jump(accumulator & k != 0),
                JUMP => at += k as usize,
                RETURN => return k,
                other => panic!("instruction {other}"),
            }
        }
    }

    #[test]
    fn every_number_gets_the_answer_of_its_rule() {
        let program = build();
        assert!(program.len() < 2048, "{} instructions", program.len());
        let rules: BTreeMap<u32, Rule> = calls::all().collect();
        for number in 0..1000 {
            let expected = match rules.get(&number) {
                Some(Rule::Allow) => ALLOW,
                Some(Rule::Unknown) => UNKNOWN,
                Some(Rule::When(_)) => continue,
                None if number < NEWER => REFUSE,
                None => UNKNOWN,
            };
            assert_eq!(run(&program, number, OURS, [0; 6]), expected, "{number}");
        }
        for foreign in [0, 0x4000_0003, 0xc000_00b8] {
            assert_eq!(run(&program, 0, foreign, [0; 6]), KILL);
        }
        #[cfg(target_arch = "x86_64")]
        assert_eq!(run(&program, X32 | 1, OURS, [0; 6]), REFUSE);
    }

    #[test]
    fn arguments_decide_where_they_must() {
        let program = build();
        let ask = |number: i64, arguments: [u64; 6]| {
            run(&program, u32::try_from(number).unwrap(), OURS, arguments)
        };
        let socket = |domain: i32, protocol: i32| {
            ask(libc::SYS_socket, [domain as u64, 1, protocol as u64, 0, 0, 0])
        };
        assert_eq!(socket(libc::AF_UNIX, 0), ALLOW);
        assert_eq!(socket(libc::AF_INET, libc::IPPROTO_TCP), ALLOW);
        assert_eq!(socket(libc::AF_INET6, libc::IPPROTO_ICMPV6), REFUSE);
        assert_eq!(socket(libc::AF_INET, 256), REFUSE, "SMC");
        assert_eq!(socket(libc::AF_NETLINK, libc::NETLINK_ROUTE), ALLOW);
        assert_eq!(socket(libc::AF_NETLINK, libc::NETLINK_NETFILTER), REFUSE);
        for family in 0..64 {
            let open = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
            assert_eq!(socket(family, 0) == ALLOW, open.contains(&family), "{family}");
        }
        let clone = |flags: i32| ask(libc::SYS_clone, [flags as u64, 0, 0, 0, 0, 0]);
        assert_eq!(clone(libc::CLONE_VM | libc::CLONE_THREAD | libc::SIGCHLD), ALLOW);
        assert_eq!(clone(libc::CLONE_NEWUSER), REFUSE);
        let ioctl = |request: u64| ask(libc::SYS_ioctl, [0, request, 0, 0, 0, 0]);
        assert_eq!(ioctl(libc::TCGETS), ALLOW);
        assert_eq!(ioctl(libc::TIOCSTI), REFUSE);
        assert_eq!(ioctl(libc::TIOCSTI | 1 << 40), REFUSE);
    }
}
