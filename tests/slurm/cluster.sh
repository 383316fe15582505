#!/usr/bin/env bash
# A real SLURM on one machine, for tests: tests/slurm/cluster.sh start | stop | status
#
# One node that advertises 8 CPUs, 20 GB and two GPUs of four shards each (fake device files),
# whatever the machine has. Partitions: cpu (default), gpu, and urgent, whose jobs preempt
# (requeue) those of the other two. There is no accounting database: put tests/slurm/bin, which
# has a sacct that asks squeue, first in PATH. Run as root. State, logs and pid files lie in
# $SLURM_TEST_DIR; the configuration must lie in /etc/slurm, since SLURM_CONF does not reach the
# jobs that Snakemake submits. stop removes it again.
set -euo pipefail

dir=${SLURM_TEST_DIR:-/var/tmp/slurm-test}
node=$(hostname -s)
conf=/etc/slurm/slurm.conf
not_here=77 # exit status: no SLURM can be started on this machine, for the reason given
mark="# Written by crystal-transfer's tests/slurm/cluster.sh"

alive() { [[ -s $dir/$1.pid ]] && [[ $(ps -o comm= -p "$(<"$dir/$1.pid")") == "$1" ]]; }

wait_for() { # SECONDS COMMAND...: until the command succeeds
    local end=$((SECONDS + $1)); shift
    until "$@"; do ((SECONDS < end)) || return 1; sleep 0.2; done
}

node_is_up() { [[ $(sinfo --noheader --format=%T --nodes="$node" 2>/dev/null) =~ ^(idle|mixed|allocated) ]]; }
ctld_answers() { scontrol ping 2>/dev/null | grep -q UP; }
no_jobs() { [[ -z $(squeue --noheader) ]]; }

check_machine() {
    if ((EUID)); then
        echo "Only root can start a SLURM cluster." >&2
        exit $not_here
    fi
    local missing=()
    command -v munged >/dev/null || missing+=(munge)
    command -v slurmctld >/dev/null && command -v slurmd >/dev/null || missing+=(slurm-wlm)
    if ((${#missing[@]})); then
        echo "Missing Debian packages; install them with: apt-get install -y ${missing[*]}" >&2
        exit $not_here
    fi
}

write_config() {
    if [[ -e $conf ]] && ! grep -qF "$mark" "$conf"; then
        echo "$conf belongs to another cluster; this script would replace it." >&2
        exit $not_here
    fi
    mkdir -p "$dir"/{ctld,slurmd} /etc/slurm
    local i
    for i in 0 1; do [[ -e /dev/fakegpu$i ]] || mknod /dev/fakegpu$i c 1 3 || exit $not_here; done
    [[ -s $dir/munge.key ]] || (umask 077; head -c 128 /dev/urandom >"$dir/munge.key")
    cat >/etc/slurm/gres.conf <<END
NodeName=$node Name=gpu File=/dev/fakegpu[0-1]
NodeName=$node Name=shard Count=8
END
    cat >"$conf" <<END
$mark
ClusterName=test
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# cred_expire is also how long a requeued job waits before it may start again (default: 120).
AuthInfo=socket=$dir/munge.socket,cred_expire=20
StateSaveLocation=$dir/ctld
SlurmdSpoolDir=$dir/slurmd
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
# One line per finished job, with its final state: the nearest thing to sacct.
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/jobs.log
# Finished jobs stay visible to squeue for this long.  Must be at least three times
# slurm-init-seconds-before-status-checks, or Snakemake turns to sacct.
MinJobAge=3600

ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu,shard
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
# Look for startable jobs every second, also behind jobs that wait for a GPU (default: 30).
SchedulerParameters=bf_interval=1,sched_interval=5,batch_sched_delay=0
# A node that an administrator set down stays down until state=resume.
ReturnToService=1
SlurmdParameters=config_overrides

# Limits: a job past its time gets SIGTERM, and SIGKILL 10 seconds later; slurmctld looks
# every 30 seconds.  A job past its memory, sampled every second, is cancelled.
OverTimeLimit=0
KillWait=10
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
JobAcctGatherFrequency=1
SlurmdTimeout=30
DefMemPerCPU=1000

NodeName=$node NodeAddr=127.0.0.1 CPUs=8 Sockets=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=20000 Gres=gpu:2,shard:8
PartitionName=DEFAULT Nodes=$node MaxTime=INFINITE DefaultTime=60 State=UP
PartitionName=cpu Default=YES PriorityTier=1
PartitionName=gpu PriorityTier=1
PartitionName=urgent PriorityTier=10
END
}

start() {
    check_machine
    write_config
    alive munged || munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" \
        --pid-file="$dir/munged.pid" --log-file="$dir/munged.log" --seed-file="$dir/munge.seed"
    alive slurmctld || slurmctld
    wait_for 10 ctld_answers || { tail -n 5 "$dir/slurmctld.log" >&2; exit $not_here; }
    # its jobs first: tests of the cluster wait for them, and take longer than all others
    alive slurmd || nice -n -5 slurmd
    node_is_up || scontrol update nodename="$node" state=resume 2>/dev/null || true
    wait_for 15 node_is_up || { sinfo --list-reasons >&2; tail -n 5 "$dir/slurmd.log" >&2; exit $not_here; }
    status
}

stop() {
    if alive slurmctld && ctld_answers; then
        scancel --user="$(id -un)"
        wait_for 20 no_jobs || echo "Some jobs did not end; see squeue." >&2
    fi
    local d pid
    for d in slurmd slurmctld munged; do
        alive $d || continue
        pid=$(<"$dir/$d.pid")
        kill "$pid"
        wait_for 10 eval "! kill -0 $pid 2>/dev/null" || kill -KILL "$pid"
    done
    # what ran on the node when it was set down may have outlived its job
    pkill -KILL -f -- '--executor slurm-jobstep' || true
    # with a configuration and no controller, every start of Snakemake waits for nine seconds
    if grep -qsF "$mark" "$conf"; then rm "$conf" /etc/slurm/gres.conf; fi
}

status() {
    local d
    for d in munged slurmctld slurmd; do
        if alive $d; then echo "$d runs (pid $(<"$dir/$d.pid"))"; else echo "$d is not running"; fi
    done
    if alive slurmctld; then sinfo; squeue; fi
}

case ${1:-} in
    start | stop | status) "$1" ;;
    *) echo "usage: $0 start|stop|status" >&2; exit 2 ;;
esac
