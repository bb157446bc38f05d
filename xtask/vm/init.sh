#!/bin/sh
# Sets the machine up as `biplane.mode` on the kernel's command line says, runs the tests, turns it off.
export PATH=/bin HOME=/root TMPDIR=/tmp RUST_BACKTRACE=1
export HOSTILE=/work/hostile LAUNCHER=/work/launcher
mode=$(sed 's/.*biplane.mode=\([^ ]*\).*/\1/' /proc/cmdline)
groups=/sys/fs/cgroup
# Whoever made the disk.
chown -R 0:0 /bin /etc /lib* /root /tmp /usr /var /work
mount -t sysfs sys /sys
mkdir -p /dev/shm /dev/mqueue
mount -t tmpfs shm /dev/shm
mount -t mqueue queue /dev/mqueue
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
echo 1 > /proc/sys/kernel/unprivileged_userns_clone 2>/dev/null
ulimit -n 4096

v2() {
  mount -t cgroup2 cgroup2 $groups
  echo "+memory +pids +cpu" > $groups/cgroup.subtree_control
  mkdir $groups/agent
}

# In a control group of their own, as a unit of systemd is.
alone() {
  sh -c 'echo $$ > /sys/fs/cgroup/agent/cgroup.procs && exec "$@"' sh "$@"
}

case $mode in
  v2)
    v2
    export BIPLANE_TEST_CGROUPS=2
    alone /work/it as_root memory_beyond share::
    ;;
  v2-shared)
    # Others are in the agent's group, too, as in the session of a login.
    v2
    sleep 600 &
    echo $! > $groups/agent/cgroup.procs
    export BIPLANE_TEST_CGROUPS=2
    alone /work/it life:: --skip unprivileged
    ;;
  v2-delegated)
    # `Delegate=yes` in a unit of a user without privileges.
    v2
    chown somebody $groups/agent $groups/agent/cgroup.procs $groups/agent/cgroup.subtree_control
    export BIPLANE_TEST_CGROUPS=2
    alone su somebody -c "exec /work/it unprivileged --ignored"
    ;;
  v1)
    mount -t tmpfs groups $groups
    for controller in memory pids cpu cpuacct; do
      mkdir $groups/$controller
      mount -t cgroup -o $controller $controller $groups/$controller
    done
    export BIPLANE_TEST_CGROUPS=1
    /work/it
    ;;
  none)
    export BIPLANE_TEST_CGROUPS=0
    /work/it
    ;;
esac
echo "biplane-vm: ended with $?"
poweroff -f
