"""A VISA library as the standard describes it, with one message-based device behind every name.

It is strict where real buses are: a read of a device that has nothing to say is noted as an error of the reader, and
waits for its whole time-out; a read that times out loses what it had got; END stands behind the last byte only.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from pyvisa import constants, errors, highlevel, rname
from pyvisa.constants import ResourceAttribute, StatusCode
from pyvisa.util import LibraryPath

MAV = 0x10


class Device:
    """Answers each written message by ``answer``; a message becomes available when :meth:`finish` is called, or at once."""

    def __init__(self, answer: Callable[[bytes], bytes] = lambda data: data) -> None:
        self.answer = answer
        self.at_once = True
        self.has_status = True
        self.gone = False
        self.heard: list[bytes] = []
        self.improper_reads = 0
        self.reads = 0
        self._thinking: deque[bytes] = deque()
        self._ready: deque[bytes] = deque()
        self._changed = threading.Condition()

    def hear(self, data: bytes) -> None:
        self.heard.append(data)
        with self._changed:
            (self._ready if self.at_once else self._thinking).append(self.answer(data))

    def finish(self) -> None:
        """What it has been asked is now answered."""
        with self._changed:
            self._ready.extend(self._thinking)
            self._thinking.clear()
            self._changed.notify_all()

    @property
    def available(self) -> bool:
        return bool(self._ready)

    def speak(self, count: int, within_s: float) -> tuple[bytes, bool]:
        """Up to ``count`` bytes of one message, and whether END stood behind the last of them."""
        self.reads += 1
        with self._changed:
            if not self._ready:
                self.improper_reads += 1
                self._changed.wait_for(lambda: self._ready, within_s)
            if not self._ready:
                raise errors.VisaIOError(StatusCode.error_timeout)
            message = self._ready.popleft()
            if len(message) > count:
                self._ready.appendleft(message[count:])
            return message[:count], len(message) <= count


class MessageBus(highlevel.VisaLibraryBase):
    """The library; ``devices`` are by resource name."""

    devices: ClassVar[dict[str, Device]] = {}

    @staticmethod
    def get_library_paths() -> tuple[LibraryPath, ...]:
        return (LibraryPath("unset"),)

    def _init(self) -> None:
        self._sessions: dict[Any, tuple[Device, dict[Any, Any]]] = {}
        self._next = 1

    def _registered(self, device: Device, attributes: dict[Any, Any]) -> Any:
        session, self._next = self._next, self._next + 1
        self._sessions[session] = (device, attributes)
        return session

    def open_default_resource_manager(self) -> Any:
        return self._registered(Device(), {}), StatusCode.success

    def open(self, session: Any, resource_name: str, *_: Any) -> Any:
        device = self.devices.get(resource_name)
        if device is None:
            raise errors.VisaIOError(StatusCode.error_resource_not_found)
        name = rname.ResourceName.from_string(resource_name)
        attributes = {
            ResourceAttribute.interface_type: getattr(constants.InterfaceType, name.interface_type.lower()),
            ResourceAttribute.resource_class: name.resource_class,
            ResourceAttribute.resource_name: resource_name,
            ResourceAttribute.timeout_value: 2000,
            ResourceAttribute.termchar_enabled: False,
        }
        return self._registered(device, attributes), StatusCode.success

    def list_resources(self, session: Any, query: str = "?*::INSTR") -> tuple[str, ...]:
        return tuple(sorted(self.devices))

    def close(self, session: Any) -> StatusCode:
        self._sessions.pop(session, None)
        return StatusCode.success

    def disable_event(self, *_: Any) -> StatusCode:
        return StatusCode.success

    def discard_events(self, *_: Any) -> StatusCode:
        return StatusCode.success

    def get_attribute(self, session: Any, attribute: Any) -> Any:
        return self._sessions[session][1].get(attribute, 0), StatusCode.success

    def set_attribute(self, session: Any, attribute: Any, attribute_state: Any) -> StatusCode:
        self._sessions[session][1][attribute] = attribute_state
        return StatusCode.success

    def _device(self, session: Any) -> Device:
        device = self._sessions[session][0]
        if device.gone:
            raise errors.VisaIOError(StatusCode.error_connection_lost)
        return device

    def read_stb(self, session: Any) -> Any:
        device = self._device(session)
        if not device.has_status:
            raise errors.VisaIOError(StatusCode.error_nonsupported_operation)
        return (MAV if device.available else 0), StatusCode.success

    def write(self, session: Any, data: bytes) -> Any:
        self._device(session).hear(data)
        return len(data), StatusCode.success

    def read(self, session: Any, count: int) -> Any:
        device = self._device(session)
        timeout_ms = self._sessions[session][1][ResourceAttribute.timeout_value]
        data, end = device.speak(count, timeout_ms / 1000)
        return data, (StatusCode.success if end else StatusCode.success_max_count_read)


WRAPPER_CLASS = MessageBus
