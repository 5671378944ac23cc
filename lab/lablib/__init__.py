"""The lab: User-Mode Linux guests on a private network.

Reading order: `cli` (the commands), `state` (where things live), `image` (what a guest boots from), `network` (the
namespace with bridge and way out), `guest` (start, find and stop one guest), `supervisor` (the one process that stays).
"""
