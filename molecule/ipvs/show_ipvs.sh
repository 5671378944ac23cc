#!/bin/sh
# Show all that IPVS holds but its counters, in the words of ipvsadm and not of the collection.
set -e
ipvsadm -S -n
ipvsadm -L -n --thresholds | awk '$1 == "->" && $3 + $4 > 0 { print $2, $3, $4 }'
ipvsadm -L -n --timeout
ipvsadm -L -n --daemon
