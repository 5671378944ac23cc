# Copyright (c) the highload.lvs authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.highload.lvs.plugins.module_utils._ipvs.facts import gather_from_texts
from ansible_collections.highload.lvs.plugins.plugin_utils._ipvs_rates import ipvs_rates


def test_lines_of_a_capture(capture):
    moment = "single-host-after-102-requests"
    facts = gather_from_texts([capture(f"{moment}/list"), capture(f"{moment}/rate")], {"rates"}, [])
    facts["services"][0]["rates"]["connections_per_second"] = 40
    facts["services"][0]["servers"][0]["rates"]["connections_per_second"] = 30
    lines = ipvs_rates(facts)
    assert lines[0].startswith("tcp 192.168.100.1:80 rr")
    assert " 40 conn/s " in lines[0]
    assert lines[1].startswith("  127.0.0.1:8081 weight 1")
    assert " 30 conn/s " in lines[1] and lines[1].count("#") == 15


def test_facts_without_rates():
    with pytest.raises(AnsibleFilterError, match="no result of ipvs_facts with gather"):
        ipvs_rates({"services": [{}]})
