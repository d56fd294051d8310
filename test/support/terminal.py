"""Runs a command on a new pseudo-terminal and talks to it: JSON on standard input, JSON on standard output.

in:  {"command": [...], "env": {...}, "cwd": "...", "timeout": seconds, "steps": [{"expect": "text"} | {"send": "text"} | {"pause": seconds} | {"hangUp": true}]}
out: {"exitCode": n or null when a signal ended it, "signal": n, "transcript": "...", "missing": text that did not come, "echo": terminal echo at the end}
"""
import fcntl, json, os, pty, select, signal, struct, sys, termios, time

job = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    os.chdir(job["cwd"])
    os.execvpe(job["command"][0], job["command"], job["env"])

deadline = time.monotonic() + job["timeout"]
transcript, seen, missing, closed = b"", 0, None, False


def read(limit):
    global transcript, closed
    ready, _, _ = select.select([terminal], [], [], max(0, limit))
    if not ready:
        return
    try:
        data = os.read(terminal, 65536)
    except OSError:
        data = b""
    closed = data == b""
    transcript += data


for step in job["steps"]:
    if "send" in step:
        os.write(terminal, step["send"].encode())
    elif "hangUp" in step:
        os.close(terminal)
        closed = True
    elif "pause" in step:
        end = time.monotonic() + step["pause"]
        while time.monotonic() < end and not closed:
            read(end - time.monotonic())
    else:
        wanted = step["expect"].encode()
        while wanted not in transcript[seen:] and not closed and time.monotonic() < deadline:
            read(deadline - time.monotonic())
        at = transcript.find(wanted, seen)
        if at == -1:
            missing = step["expect"]
            break
        seen = at + len(wanted)

while not closed and time.monotonic() < deadline and missing is None:
    read(0.2)
echo = None
try:
    echo = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
except (termios.error, OSError):  # hung up
    pass
if missing is not None or not closed:
    os.kill(pid, signal.SIGKILL)
_, status = os.waitpid(pid, 0)
json.dump(
    {
        "exitCode": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "transcript": transcript.decode("utf-8", "replace"),
        "missing": missing,
        "echo": echo,
    },
    sys.stdout,
)
