//! What a sandbox must withstand: one program, one attack a run, no dependency but libc.
//!
//! `hostile <case> [arguments]` ends with 0 when the attack succeeded, with 1 when it was refused (and
//! says how on standard error), with 2 when it could not be tried.
#![expect(unsafe_code, reason = "attacks are system calls")]

mod call;
mod exhaust;
mod files;
mod kernel;
mod network;
mod processes;
mod resources;

/// Ok: the attack succeeded, with this to show. Err: how it was refused.
pub type Outcome = Result<String, String>;

type Case = fn(&[String]) -> Outcome;

const CASES: &[(&str, Case)] = &[
    ("connect", network::connect),
    ("datagram", network::datagram),
    ("icmp", network::icmp),
    ("resolve", network::resolve),
    ("interfaces", network::interfaces),
    ("unix-abstract", network::unix_abstract),
    ("unix-path", network::unix_path),
    ("families", network::families),
    ("netlink", network::netlink),
    ("vsock", network::vsock),
    ("io-uring", kernel::io_uring),
    ("mounts", kernel::mounts),
    ("namespaces", kernel::namespaces),
    ("surface", kernel::surface),
    ("x32", kernel::x32),
    ("int80", kernel::int80),
    ("unknown-call", kernel::unknown_call),
    ("terminal", kernel::terminal),
    ("nodes", kernel::nodes),
    ("devices", kernel::devices),
    ("priority", kernel::priority),
    ("doors", files::doors),
    ("read", files::read),
    ("write", files::write),
    ("escape", files::escape),
    ("system", files::system),
    ("kernel-files", files::kernel_files),
    ("sysctl", files::sysctl),
    ("launcher", files::launcher),
    ("execute-written", files::execute_written),
    ("processes", processes::listing),
    ("bystander", processes::bystander),
    ("kill-all", processes::kill_all),
    ("trace-init", processes::trace_init),
    ("hang", processes::hang),
    ("daemon", processes::daemon),
    ("set-user", processes::set_user),
    ("privileges", processes::privileges),
    ("who", processes::who),
    ("inherited", processes::inherited),
    ("core", processes::core),
    ("forks", resources::forks),
    ("threads", resources::threads),
    ("memory", resources::memory),
    ("memory-many", resources::memory_many),
    ("memory-file", resources::memory_file),
    ("fill", resources::fill),
    ("fill-many", resources::fill_many),
    ("inodes", resources::inodes),
    ("descriptors", resources::descriptors),
    ("spin", resources::spin),
    ("shared-memory", resources::shared_memory),
    ("queue", resources::queue),
    ("pipes", exhaust::pipes),
    ("socket-buffers", exhaust::socket_buffers),
    ("segment", exhaust::segment),
    ("page-tables", exhaust::page_tables),
    ("in-flight", exhaust::in_flight),
    ("mixed-descriptors", exhaust::mixed_descriptors),
    ("flood", exhaust::flood),
    ("bomb", exhaust::bomb),
    ("pace", exhaust::pace),
    ("meet", resources::meet),
    ("part", resources::part),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map(String::as_str).unwrap_or_default();
    let Some((_, case)) = CASES.iter().find(|(known, _)| *known == name) else {
        eprintln!("no case {name}; there are: {}", CASES.map_names());
        std::process::exit(2);
    };
    match case(&arguments[1..]) {
        Ok(gain) => {
            eprintln!("open: {gain}");
            std::process::exit(0);
        }
        Err(how) => {
            eprintln!("refused: {how}");
            std::process::exit(1);
        }
    }
}

trait Names {
    fn map_names(&self) -> String;
}

impl Names for [(&str, Case)] {
    fn map_names(&self) -> String {
        self.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
    }
}
