//! What a host runs when it boots: it gets the program, looks whether it is the right one, and starts the
//! agent with a token that is good once.

use biplane_compute::provider::Boot;

pub fn script(boot: &Boot) -> String {
    let Boot { relay, join_token, program_url, program_sha256 } = boot;
    let (relay, token) = (quoted(relay), quoted(join_token));
    let (url, sha256) = (quoted(program_url), quoted(program_sha256));
    format!(
        r#"#!/bin/sh
# Makes this machine a host of a Biplane cluster. It dials out; nothing dials in.
set -eu
umask 077
program=/opt/biplane/biplane
data=/var/lib/biplane
mkdir -p /opt/biplane "$data"
chmod 755 /opt/biplane

# Good for one machine, once.
printf '%s\n' {token} > "$data/join-token"

url={url}
sha256={sha256}
tries=0
until curl --fail --silent --show-error --location --max-time 300 --output "$program.new" "$url"; do
  tries=$((tries + 1))
  if [ "$tries" -ge 30 ]; then
    echo "biplane: the program could not be fetched from $url" >&2
    exit 1
  fi
  sleep 2
done
if ! echo "$sha256  $program.new" | sha256sum --check --status; then
  echo "biplane: what $url gave is not the program that was meant" >&2
  exit 1
fi
chmod 755 "$program.new"
mv "$program.new" "$program"

set -- "$program" node --relay {relay} --join-token-file "$data/join-token" --data-dir "$data"

# Where the other hosts of its cluster reach it: the address that it dials out from, which is a private one. Nothing
# is sent to the address asked for.
own=$(ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p' | head -n 1)
if [ -z "$own" ]; then
  service=http://169.254.169.254/latest
  session=$(curl --fail --silent --max-time 2 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
    "$service/api/token" || true)
  own=$(curl --fail --silent --max-time 2 --header "X-aws-ec2-metadata-token: $session" \
    "$service/meta-data/local-ipv4" || true)
fi
[ -z "$own" ] || set -- "$@" --mesh-listen "$own:0"

if [ -d /run/systemd/system ]; then
  exec systemd-run --unit=biplane-node --property=Restart=on-failure --property=Delegate=yes \
    --property=TasksMax=infinity "$@"
fi
exec "$@"
"#
    )
}

/// As one word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    #[test]
    fn a_text_stays_one_word() {
        assert_eq!(quoted("a'; rm -rf / #"), r"'a'\''; rm -rf / #'");
    }

    /// The script is run for real, with the paths of another root.
    #[test]
    fn the_agent_starts_with_the_program_that_was_meant() {
        let root = tempfile::tempdir().unwrap();
        let served = root.path().join("served");
        let body = "#!/bin/sh\necho \"$@\" > \"$(dirname \"$0\")/called\"\n";
        std::fs::write(&served, body).unwrap();
        let sum = Command::new("sha256sum").arg(&served).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        let mut boot = Boot {
            relay: "relay.example.com:443".into(),
            join_token: "se'cret".into(),
            program_url: format!("file://{}", served.display()),
            program_sha256: sum.split_whitespace().next().unwrap().into(),
        };
        let run = |boot: &Boot| {
            let here = root.path().display();
            let script = script(boot)
                .replace("/opt/biplane", &format!("{here}/opt"))
                .replace("/var/lib/biplane", &format!("{here}/data"))
                .replace("/run/systemd/system", "/nowhere");
            let path = format!("{here}/bin:{}", std::env::var("PATH").unwrap_or_default());
            Command::new("sh").arg("-c").arg(script).env("PATH", path).output().unwrap()
        };
        let bin = root.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let ip = "#!/bin/sh\necho '192.0.2.1 via 10.1.0.1 dev ens5 src 10.1.2.3 uid 0'\n";
        std::fs::write(bin.join("ip"), ip).unwrap();
        std::fs::set_permissions(bin.join("ip"), PermissionsExt::from_mode(0o755)).unwrap();
        let done = run(&boot);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let called = std::fs::read_to_string(root.path().join("opt/called")).unwrap();
        let data = root.path().join("data");
        assert_eq!(
            called.trim(),
            format!(
                "node --relay relay.example.com:443 --join-token-file {0}/join-token --data-dir {0} \
                 --mesh-listen 10.1.2.3:0",
                data.display()
            )
        );
        let token = data.join("join-token");
        assert_eq!(std::fs::read_to_string(&token).unwrap(), "se'cret\n");
        assert_eq!(token.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        boot.program_sha256 = "0".repeat(64);
        std::fs::remove_dir_all(root.path().join("opt")).unwrap();
        let refused = run(&boot);
        assert!(!refused.status.success());
        assert!(!root.path().join("opt/biplane").exists());
    }
}
