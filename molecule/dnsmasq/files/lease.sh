#!/bin/sh
# Take a lease from a DHCP server that names 192.0.2.99 as the server to ask, and bring up a connection of
# NetworkManager that does. Tells the lease and then the servers of /etc/resolv.conf.
set -eu

ip netns add dhcp
ip link add lease0 type veth peer name server0 netns dhcp
ip link set lease0 up
ip -n dhcp address add 10.99.0.1/24 dev server0
ip -n dhcp link set server0 up
ip netns exec dhcp dnsmasq --conf-file=/dev/null --port=0 --interface=server0 --pid-file=/run/dhcp.pid \
    --dhcp-leasefile=/run/dhcp.leases --dhcp-range=10.99.0.10,10.99.0.20 \
    --dhcp-option=option:router --dhcp-option=option:dns-server,192.0.2.99

if command -v dhcpcd >/dev/null; then
    dhcpcd --ipv4only --noarp --waitip=4 lease0 >/run/dhcp.log 2>&1
    ip -4 -oneline address show lease0 | grep 'inet 10.99.0.1'
    dhcpcd --rebind lease0 >/dev/null 2>&1
    sleep 2
    dhcpcd --exit lease0 >/dev/null 2>&1
else
    dhclient -1 -v -pf /run/dhclient.pid lease0 2>&1 | grep bound
    # A renewal is a second request for the lease that is there.
    dhclient -1 -pf /run/dhclient.pid lease0
    dhclient -x -pf /run/dhclient.pid lease0
fi
[ ! -s /run/dhcp.leases ] || echo bound

if command -v nmcli >/dev/null; then
    nmcli connection add type dummy ifname nm0 con-name nm0 ipv4.method manual ipv4.addresses 10.98.0.1/24 ipv4.dns 192.0.2.99
    nmcli connection up nm0
    systemctl restart NetworkManager
    nmcli connection delete nm0
fi

kill "$(cat /run/dhcp.pid)"
ip link delete lease0
ip netns delete dhcp
grep ^nameserver /etc/resolv.conf
