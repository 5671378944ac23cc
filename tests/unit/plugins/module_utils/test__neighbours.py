# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.highload.lvs.plugins.module_utils import _neighbours

MAC = "52:54:0a:4d:a3:ab"


def test_the_probe_names_no_sender():
    frame = _neighbours.arp_probe("10.77.80.1", MAC)
    assert frame.hex() == ("ffffffffffff52540a4da3ab0806000108000604000152540a4da3ab000000000000000000000a4d5001")


def test_an_arp_answer():
    frame = bytes.fromhex("52540a4da3ab020000000011080600010800060400020200000000110a4d500152540a4da3ab00000000")
    assert _neighbours.read_arp(frame + b"\0" * 18) == ("10.77.80.1", "02:00:00:00:00:11")
    assert _neighbours.read_arp(_neighbours.arp_probe("10.77.80.1", MAC)) is None
    assert _neighbours.read_arp(frame[:30]) is None


def test_a_solicitation_and_its_answer():
    group, message = _neighbours.solicitation("fd00::a:b:c", MAC)
    assert group == "ff02::1:ff0b:c"
    assert message.hex() == "8700000000000000fd000000000000000000000a000b000c010152540a4da3ab"
    answer = bytes.fromhex("8800123460000000fd000000000000000000000a000b000c0201020000000011")
    assert _neighbours.read_advertisement(answer) == ("fd00::a:b:c", "02:00:00:00:00:11")
    assert _neighbours.read_advertisement(answer[:24]) == ("fd00::a:b:c", "")
    assert _neighbours.read_advertisement(message) is None
