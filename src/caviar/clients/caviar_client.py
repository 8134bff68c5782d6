"""The training program's side of caviar: one file, nothing but Python 2.7 or 3.6 and newer. Copy it beside the program.

    import caviar_client

    for trial in caviar_client.trials():
        network = build(**trial.config)
        trial.on_save(network.save)             # called with a path; only if the network can be saved
        trial.on_restore(network.load)
        for epoch in trial.epochs():
            score = network.train_one_epoch(learning_rate=trial.knobs["learning_rate"])
            trial.report(epoch, score)

    caviar tune --command "python train.py" --space space.toml
    caviar babysit --command "python train.py" --config config.toml

``trials`` gives trial after trial, as long as caviar has any. When caviar stops a trial early, ``report`` returns False
and ``epochs`` ends; when caviar rolls it back, ``on_restore``'s function is called and ``epochs`` goes back. An
exception that the program does not catch is reported to caviar and ends the process.

``caviar_client.run(function)`` calls ``function(trial)`` for every trial instead. There ``report`` raises
``TrialStopped``, which ends this trial and no more, from however deep; so does any other exception, with which the
trial has failed; and a number that the function returns is the trial's final score.

Prints do no harm: standard output is standard error from the import of this file on, and caviar keeps what is written.

Without caviar, one trial of three epochs, to see whether the program works:

    CAVIAR_TRY='{"learning_rate": 0.1}' python train.py

CAVIAR_TRY_EPOCHS=10 makes them ten. What caviar says and hears is in its docs/protocol.md.
"""

import copy
import difflib
import errno
import io
import json
import linecache
import os
import re
import sys
import time
import traceback

_VERSION = "1"
_STEP_SECONDS = 0.1  # between two steps that are reported; the others cost next to nothing
_LONGEST = 10000  # characters of the reason of a failure
_LARGEST = 1 << 16  # characters of an attribute
_ATTRIBUTES = [  # of a trial
    "number",
    "config",
    "seed",
    "last_epoch",
    "epoch",
    "knobs",
    "stopped",
    "folder",
    "report",
    "step",
    "set",
    "epochs",
    "done",
]
_ORDER = "the order is trial.report(epoch, score), not Optuna's report(value, step)"
_OUT_OF_MEMORY = re.compile(
    r"out of memory|(can't|cannot) allocate memory|RESOURCE_EXHAUSTED|std::bad_alloc", re.IGNORECASE
)  # what frameworks say whose exception is a RuntimeError like any other

_now = getattr(time, "monotonic", time.time)


class TrialStopped(BaseException):
    """Caviar has stopped this trial. Not an Exception, so that ``except Exception`` in a program lets it pass."""


class Infeasible(Exception):
    """Raise it where a config cannot be trained, ``raise Infeasible("too large")``: no failure, and ranked last."""


def trials():
    """Yield a ``Trial`` for each that caviar sends, until there are no more.

    The trial is over at the end of the loop's body. ``report`` and ``step`` return False in it where caviar has
    stopped the trial, for nobody could catch what they raise: ``trial.epochs()`` ends by itself, and a loop of the
    program's own ends with ``if not trial.report(epoch, score): break``.
    """
    return _trials(raises=False)


def run(function):
    """Call ``function(trial)`` for each trial that caviar sends.

    TrialStopped, raised by ``report`` and ``step``, ends the trial. With any other exception the trial has failed, out
    of memory where the exception says so, and the next one begins. What the function returns is the final score, or
    None: then that is the last one reported. A dict with one number, {"val_loss": 0.3}, is that number.
    """
    for trial in _trials(raises=True):
        try:
            score = function(trial)
            if isinstance(score, Infeasible):
                raise score
            trial.done(score)
        except TrialStopped:
            trial.done()
        except SystemExit as error:  # the process ends, as the function wants
            trial._fail(_why(trial, *sys.exc_info()), _kind(error), False)
            raise
        except Exception as error:
            trial.failed(_why(trial, *sys.exc_info()), _kind(error))


class Trial(object):
    """One config to train.

    number      the trial's number
    config      dict of numbers, booleans, text, None and tuples by name
    seed        a whole number from 0 to 2**32 - 1, another for every trial
    last_epoch  the most epochs that the trial can get; epochs count from 1
    epoch       the epoch that is being trained; before the first the one that a snapshot ends with, or 0
    knobs       dict, ``config`` at first; caviar changes it in ``report`` and ``step``
    stopped     whether caviar has stopped the trial
    """

    Stopped = TrialStopped

    def __init__(self, line, message, raises):
        self._line = line
        self._raises = raises
        self.number = message["trial"]
        # The program's own, to be changed as it likes.
        self.config = dict((name, _tuples(value)) for name, value in _native(message["config"]).items())
        self.seed = message["seed"]
        self.last_epoch = message["epochs"]
        self.knobs = copy.deepcopy(self.config)
        self.stopped = False
        self.epoch = 0
        self._folder = _path(message["folder"])
        self._over = False
        self._attributes = {}  # not sent yet
        self._lengths = {}  # of them, as JSON
        self._save = self._restore = self._knobs = None
        self._snapshot = None  # to be restored before the next epoch begins
        self._can_go_back = False  # only ``epochs`` can
        self._reported = None  # when the last step was
        self._last = 0  # epoch that was reported, or restored
        self._after = 0  # reports after the stop
        self._counts = []  # the whole-numbered scores so far, which may be epochs in the wrong place
        if message.get("start"):
            self.epoch = self._last = message["start"]["epoch"]
            self._snapshot = _path(message["start"]["path"])

    def __getattr__(self, name):
        """Raise AttributeError, with our name for one that other tuners have."""
        if name.startswith("suggest_") or name in ("Int", "Float", "Choice", "Boolean", "Fixed"):
            name += ": hyperparameters stand in the space, and trial.config has their values"
        elif name == "should_prune":
            name += ": trial.report ends a trial itself, or returns False in a loop over trials()"
        elif name in ("params", "get", "items", "keys", "values", "hyperparameters"):
            name += ": trial.config is the dict"
        elif name in ("set_user_attr", "set_system_attr", "user_attrs"):
            name += ": write trial.set(name, value)"
        elif name == "log":
            name += ": write trial.report(epoch, score, loss=...)"
        elif name in self.__dict__.get("config", ()):
            name += ": write trial.config[%r]" % (name,)
        elif not name.startswith("_"):
            name += ": " + _nearest(name, _ATTRIBUTES + list(self.__dict__.get("config", ())))
        raise AttributeError("a trial has no attribute %s" % name)

    def __getitem__(self, name):
        """Raise TypeError: other tuners give a function its config alone."""
        raise TypeError("a trial is not its config: trial.config[%r]" % (name,))

    @property
    def folder(self):
        """The trial's own folder, for whatever the program wants to keep; it is made when first asked for."""
        if not os.path.isdir(self._folder):
            os.makedirs(self._folder)
        return self._folder

    def on_save(self, function):
        """Have ``function(path)`` write all that training depends on, weights and optimiser, to the file ``path``.

        If it raises, caviar gets the reason, and the trial goes on.
        """
        self._save = function

    def on_restore(self, function):
        """Have ``function(path)`` take back what ``on_save``'s function wrote. Both are needed, and ``epochs``."""
        self._restore = function

    def on_knobs(self, function):
        """Have ``function(changed)`` called with a dict of the knobs that changed; ``trial.knobs`` has them already."""
        self._knobs = function

    def epochs(self):
        """Yield the numbers of the epochs to train: 1, or the one after the snapshot, to ``last_epoch``.

        Ends when the trial is stopped. After a rollback it goes on with the epoch after the restored one.
        """
        self._can_go_back = True
        while self.epoch < self.last_epoch and not self.stopped and not self._over:
            self._go_back()
            self.epoch += 1
            yield self.epoch

    def report(self, epoch=None, score=None, **values):
        """Tell the score after ``epoch``, and further numbers by name; wait for caviar's answer and do what it asks.

        Any number will do that ``float`` takes, NaN and infinity included. Returns True; if caviar has stopped the
        trial raises TrialStopped in ``run``, and returns False in ``trials``. Raises ValueError for an epoch that is
        none: epochs are whole numbers from 1 on, and rise. The order is not Optuna's, which is report(value, step).
        """
        if self._snapshot is not None:  # a rollback within this epoch: what is reported is of no epoch
            self._go_back()
            return True
        score = _one_number(score, values)
        self._after += self.stopped
        if not self.stopped and not self._over:
            self.epoch = self._last = self._checked(epoch, score, values)
        message = {"type": "epoch", "epoch": self.epoch, "values": _numbers(values)}
        if score is not None:
            message["score"] = _number(score)
        if self._asks(message):
            self._snapshot = None  # the epoch is over: nothing was trained since
            return True
        return False

    def step(self, step, **values):
        """Tell from within an epoch how it goes: ``step`` counts mini-batches, ``values`` are numbers by name.

        May be called after every mini-batch: caviar gets some ten a second. Returns True; False when this epoch is to
        be left, because of a rollback, or of a stop (which raises in ``run``).
        """
        if self._reported is not None and 0 <= _now() - self._reported < _STEP_SECONDS and not self.stopped:
            return self._snapshot is None
        going = self._asks({"type": "step", "step": int(step), "values": _numbers(values)})
        self._reported = _now()
        return going and self._snapshot is None

    def set(self, name, value):
        """Note an attribute of the trial: a number, text, boolean, None, or lists and dicts of these.

        It goes with the next report, or with the end of the trial. Larger things are files in ``folder``. Raises
        ValueError for what JSON has no word for, for more than 64 KiB, and where the trial is over.
        """
        if not isinstance(name, (str, type(""))) or not 0 < len(name.strip()) <= len(name) <= 100:
            raise ValueError("trial.set(name, value): a name is a text of 1 to 100 characters, got %.60r" % (name,))
        if self._over:
            raise ValueError("trial.set(%r, ...): the trial is over; set it before its end" % (name,))
        try:
            plain = _plain(value)
            length = len(json.dumps(plain))
        except (TypeError, ValueError, RuntimeError):  # the last: a list that holds itself
            raise ValueError(
                "trial.set(%r, ...): an attribute is a number, text, boolean, None, or lists and dicts of these, "
                "got %s; write other things to a file in trial.folder" % (name, type(value).__name__)
            )
        if length > _LARGEST or length + sum(self._lengths.values()) - self._lengths.get(name, 0) > 8 * _LARGEST:
            raise ValueError(
                "trial.set(%r, ...): an attribute has %d characters at most, and all between two reports %d, got %d; "
                "write it to a file in trial.folder" % (name, _LARGEST, 8 * _LARGEST, length)
            )
        self._attributes[name], self._lengths[name] = plain, length

    def infeasible(self, why=""):
        """End the trial: such a config cannot be trained, because of ``why``. No failure; it is ranked last.

        In ``run`` it raises TrialStopped, which ends the function; in ``trials`` go on with the next trial.
        """
        self._fail(str(why) or "infeasible", "infeasible", True)
        if self._raises:
            raise TrialStopped()

    def done(self, score=None):
        """End the trial, with ``score`` or the last one reported. Said by itself at the end of the loop's body."""
        message, values = {"type": "done", "more": True}, {}
        score = _one_number(score, values)
        if score is not None:
            message["score"] = _number(score)
        if values:
            message["values"] = _numbers(values)
        if self._after > 1:  # one may be in a finally
            message["went_on"] = self._after
        if not self._over:
            self._over = True
            self._line.say(self._with_attributes(message))

    def failed(self, why, kind="error"):
        """End the trial without a result; ``kind`` is error, out_of_memory, diverged or infeasible."""
        self._fail(why, kind, True)

    def _fail(self, why, kind, more):
        """End the trial without a result; ``more`` says that this process takes another one."""
        if not self._over:
            self._over = True
            message = {"type": "failed", "kind": kind, "why": why[-_LONGEST:], "more": more}
            self._line.say(self._with_attributes(message))

    def _with_attributes(self, message):
        """``message`` with what was noted since the last one."""
        if self._attributes:
            message["attributes"], self._attributes, self._lengths = self._attributes, {}, {}
        return message

    def _checked(self, epoch, score, values):
        """The epoch of a report as a whole number. Raises ValueError where it is none, or where it is the score."""
        if epoch is None:
            given = ", ".join("%s=%r" % (name, values[name]) for name in sorted(values))
            raise ValueError("trial.report needs an epoch and a score, got %s; %s" % (given or "neither", _ORDER))
        number = _whole(epoch)
        if number is None:
            rule = "the epoch must be a whole number"
        elif number < 1:
            rule = "epochs are whole numbers from 1 on, so a loop from 0 reports epoch + 1"
        elif number <= self._last:
            rule = "epoch %d is not after epoch %d, and epochs rise" % (number, self._last)
        elif not self._last and number > self.last_epoch:
            rule = "epoch %d is after the last epoch of the trial, trial.last_epoch = %d" % (number, self.last_epoch)
        elif self._counts_epochs(number, epoch, score):
            rule = "the score counts like an epoch (one that really does is given as a float)"
        else:
            return number
        swapped = "" if (_whole(score) or 0) < 1 else ": trial.report(epoch=%s, score=%s)" % (score, epoch)
        raise ValueError("trial.report(%s, %s): %s; %s%s" % (epoch, score, rule, _ORDER, swapped))

    def _counts_epochs(self, number, epoch, score):
        """Whether ``score`` is an epoch in the wrong place, as far as whole numbers show that."""
        if isinstance(score, bool) or not isinstance(score, int) or score == number:
            self._counts.append(None)
            return False
        self._counts.append(score)
        n = len(self._counts)
        counted = n > 1 and self._counts in (list(range(n)), list(range(1, n + 1))) and number % n
        return counted or isinstance(epoch, float) or (self._can_go_back and self._last < score == self.epoch)

    def _asks(self, message):
        """Say it, do what is answered, and whether the trial goes on."""
        if not self.stopped and not self._over:
            message["saves"] = self._can_go_back and self._save is not None and self._restore is not None
            self._line.say(self._with_attributes(message))
            answer = self._line.hear()
            kind = answer["type"]
            if kind == "go_on":
                self._apply(answer)
            elif kind == "stop":
                self.stopped = True
            elif kind == "end":  # in the midst of a trial: caviar has ended
                raise SystemExit(1)
            else:
                _leave("caviar answered with %r, which this client does not know" % (kind,))
        if self._raises and (self.stopped or self._over):
            raise TrialStopped()
        return not self.stopped and not self._over

    def _apply(self, answer):
        if answer.get("save"):
            try:
                self._save(_path(answer["save"]))
            except Exception as error:
                self._line.say({"type": "cannot", "why": _said(error)[:1000]})
            else:
                self._line.say({"type": "saved"})
        if answer.get("restore"):
            self._snapshot = _path(answer["restore"]["path"])
            self._restore(self._snapshot)
            self.epoch = self._last = answer["restore"]["epoch"]
            self._line.say({"type": "restored"})
        if answer.get("knobs"):
            changed = _native(answer["knobs"])
            self.knobs.update(changed)
            if self._knobs is not None:
                self._knobs(changed)

    def _go_back(self):
        """Restore the snapshot that the trial begins with; or that of a rollback within an epoch, whose rest has
        been trained since."""
        path, self._snapshot = self._snapshot, None
        if path is not None:
            if self._restore is None:
                raise RuntimeError("the trial begins with a snapshot, and the program has no on_restore")
            self._restore(path)


def _trials(raises):
    line = _line()
    while True:
        message = line.hear()
        if message["type"] == "end":
            return
        if message["type"] != "trial":
            _leave("caviar said %r where a trial was awaited" % (message["type"],))
        line.trial = Trial(line, message, raises)
        yield line.trial
        line.trial.done()


class _Words(str):
    """A message that a KeyError shows as it is."""

    __repr__ = str.__str__


def _nearest(name, known):
    """The names that may have been meant."""
    names = sorted(str(one) for one in known)
    close = difflib.get_close_matches(str(name), names)
    if close:
        return "did you mean %s?" % " or ".join(repr(one) for one in close)
    return "known: %s" % ", ".join(names[:20] + ["..."] * (len(names) > 20)) if names else "there are none"


class _Line(object):
    """The pipes to and from caviar; nobody else's prints get into the one, and nobody else reads from the other."""

    def __init__(self):
        sys.stdout.flush()
        self._output, self._input = _copy(1), io.open(_copy(0), "rb")
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self.trial = None
        self._process = os.getpid()
        self._hook, sys.excepthook = sys.excepthook, self._uncaught

    def say(self, message):
        """Write one message, after what was printed before it."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, EnvironmentError, ValueError):  # none, closed, or nobody reads it any more
                pass
        left = json.dumps(message).encode("ascii") + b"\n"
        try:
            while left:
                left = left[os.write(self._output, left) :]
        except EnvironmentError as error:
            if error.errno != errno.EPIPE:
                raise
            raise SystemExit(1)  # caviar has ended

    def hear(self):
        """The next message; one that says the end where the input ends."""
        line = self._input.readline()
        if not line.endswith(b"\n"):  # at once, or in the midst of a line
            return {"type": "end"}
        try:
            message = json.loads(line.decode("utf-8"))
            message["type"]
        except (ValueError, TypeError, KeyError):
            _leave("caviar said something that is no message: %.200r" % (line,))
        return message

    def _uncaught(self, kind, error, trace):
        """Tell why the trial has failed before Python prints it and ends; but not in a fork."""
        if self.trial is not None and os.getpid() == self._process and not issubclass(kind, KeyboardInterrupt):
            try:
                self.trial._fail(_why(self.trial, kind, error, trace), _kind(error), False)
            except SystemExit:
                pass
        self._hook(kind, error, trace)


class _Alone(object):
    """In caviar's place when a program is tried without it: one trial, never stopped."""

    def __init__(self, config, epochs):
        self.trial = None
        self._answers = [
            {"type": "end"},
            {
                "type": "trial",
                "trial": 0,
                "config": config,
                "seed": 0,
                "epochs": epochs,
                "folder": os.path.join(os.getcwd(), "caviar_try"),
            },
        ]

    def say(self, message):
        parts = dict(message, **message.get("values", {}))
        words = [
            "%s %s" % (name, parts[name]) for name in sorted(parts) if name not in ("type", "values", "more", "saves")
        ]
        print("%s: %s" % (message["type"], ", ".join(words)))
        if message["type"] in ("epoch", "step"):
            self._answers.append({"type": "go_on"})

    def hear(self):
        return self._answers.pop()


_connected = None


def _line():
    global _connected
    if _connected is None:
        version, config = os.environ.get("CAVIAR_PROTOCOL"), os.environ.get("CAVIAR_TRY")
        if version is not None and version != _VERSION:
            _leave(
                "this caviar_client.py speaks version %s of caviar's protocol, and caviar version %s"
                % (_VERSION, version),
                "write the one that belongs to it: caviar client python",
            )
        if version is not None:
            _connected = _Line()
        elif config is not None:
            try:
                config, epochs = dict(json.loads(config)), int(os.environ.get("CAVIAR_TRY_EPOCHS", "3"))
            except (ValueError, TypeError):
                _leave(
                    "CAVIAR_TRY is a config as a JSON object, and CAVIAR_TRY_EPOCHS a number",
                    """such as CAVIAR_TRY='{"learning_rate": 0.1}' CAVIAR_TRY_EPOCHS=3""",
                )
            _connected = _Alone(config, epochs)
        else:
            script = os.path.basename(sys.argv[0] or "train.py")
            _leave(
                'caviar starts this program: caviar tune --command "python %s" --space space.toml' % script,
                """to try it alone: CAVIAR_TRY='{"learning_rate": 0.1}' python %s   (a container is to get """
                "CAVIAR_PROTOCOL from outside)" % script,
            )
    return _connected


def _leave(rule, way_out="write the newest client: caviar client python"):
    """End the program with two lines."""
    sys.stderr.write("%s\n%s\n" % (rule, way_out))
    raise SystemExit(2)


def _copy(descriptor):
    """Another descriptor of the same pipe, which programs that this one starts do not get."""
    copied = os.dup(descriptor)
    if sys.version_info < (3,):
        import fcntl

        fcntl.fcntl(copied, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    return copied


def _native(value):
    """Python 2's JSON is all unicode, which few libraries of its time take where they mean str."""
    if sys.version_info >= (3,):
        return value
    if isinstance(value, dict):
        return dict((_native(key), _native(item)) for key, item in value.items())
    try:
        return value.encode("ascii")
    except (AttributeError, UnicodeError):  # a number, or text that is not ASCII
        return value


def _tuples(value):
    """A list of JSON as the tuple that it was."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _path(path):
    """A path as this Python takes it, also where its locale knows only ASCII."""
    return path.encode("utf-8") if sys.version_info < (3,) else os.fsdecode(path.encode("utf-8"))


def _number(score):
    """``score`` as a float. Raises TypeError for what is no number, such as True."""
    try:
        if not _is_bool(score):
            return float(score)
    except (TypeError, ValueError):
        pass
    raise TypeError("a score must be one number, not %r: %.60r" % (type(score).__name__, score))


def _is_bool(value):
    """True for a truth value of Python's, of NumPy's or of a tensor's."""
    return isinstance(value, bool) or str(getattr(value, "dtype", "")).rpartition(".")[2] in ("bool", "bool_")


def _one_number(score, values):
    """``score``; of a dict with one number, {"val_loss": 0.3}, that one, which ``values`` gets by its name.

    Raises TypeError for any other dict.
    """
    if not isinstance(score, dict):
        return score
    numbers = dict((str(name), value) for name, value in score.items() if _is_number(value))
    names = sorted(numbers)
    if len(names) != 1:
        count = "%d numbers, %s" % (len(names), ", ".join(names[:5])) if names else "no number"
        raise TypeError(
            "a score must be one number, and this dict has %s: give one, result[%r]"
            % (count, names[0] if names else "loss")
        )
    values.update(numbers)
    return numbers[names[0]]


def _is_number(value):
    try:
        return not _is_bool(value) and not isinstance(value, (str, type(""))) and float(value) is not None
    except (TypeError, ValueError):
        return False


def _numbers(values):
    return dict((name, float(value)) for name, value in values.items() if value is not None)


def _whole(value):
    """``value`` as a whole number; None for what is none."""
    try:
        whole = int(value)
        return whole if whole == value or isinstance(value, str) else None
    except (TypeError, ValueError, OverflowError):
        return None


def _text(text):
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _plain(value):
    """A number of NumPy's, or a tensor's one, as Python's; lists and dicts of such too."""
    if isinstance(value, dict):
        return dict((str(name), _plain(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    return value.tolist() if hasattr(value, "tolist") else value


def _why(trial, kind, error, trace):
    """The reason of a failure: a traceback, or the words of an infeasible config."""
    _name_known(trial, error, trace)
    return (_text(str(error)) or "infeasible") if isinstance(error, Infeasible) else _trace(kind, error, trace)


def _name_known(trial, error, trace):
    """Have an error in the use of the config, which is a plain dict, name the hyperparameters that there are."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not _reads_config(trial, trace.tb_frame, trace.tb_lineno):
        return
    if type(error) is KeyError and len(error.args) == 1:
        name = error.args[0]
        if isinstance(name, (str, type(""))) and name not in trial.config:
            said = "%r: trial.config has no such hyperparameter; %s" % (name, _nearest(name, trial.config))
            error.args = (_Words(said),)
    elif type(error) is AttributeError and str(error).startswith("'dict' object has no attribute "):
        name = str(error).split("'")[-2]
        said = "trial.config[%r]" % (name,) if name in trial.config else _nearest(name, trial.config)
        error.args = ("%s: a config is a dict, %s" % (error, said),)


def _reads_config(trial, frame, number):
    """True where the line of an error reads the trial's config, by any name, or where the line is unknown."""
    names = [
        name
        for name, value in frame.f_locals.items()
        if value is trial or (type(value) is dict and set(value) == set(trial.config))
    ]
    line = linecache.getline(frame.f_code.co_filename, number)
    found = r"\b(%s)(\.config|\.knobs)?\s*[.\[]" % "|".join(map(re.escape, names))
    return bool(names) and (not line or re.search(found, line) is not None)


def _trace(kind, error, trace):
    """A traceback; of a long one the last lines, and of a long message the first."""
    whole = _text("".join(traceback.format_exception(kind, error, trace)))
    if len(whole) <= _LONGEST:
        return whole
    said = _said(error)[: _LONGEST // 2]
    last = whole[: whole.rfind(said[:100])][len(said) - _LONGEST :].partition("\n")[2]
    return "Traceback (most recent call last):\n%s%s" % (last, said)


def _said(error):
    return _text("".join(traceback.format_exception_only(type(error), error))).strip()


def _kind(error):
    """The kind of failure that an exception is, by what the frameworks raise."""
    if isinstance(error, Infeasible):
        return "infeasible"
    names = [parent.__name__ for parent in type(error).__mro__]
    if "MemoryError" in names or "OutOfMemoryError" in names or "ResourceExhaustedError" in names:
        return "out_of_memory"
    if isinstance(error, FloatingPointError):
        return "diverged"
    return "out_of_memory" if _OUT_OF_MEMORY.search(_said(error)) else "error"


if "CAVIAR_PROTOCOL" in os.environ:
    _line()
