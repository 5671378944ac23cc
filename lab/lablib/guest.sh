#!/bin/sh
# Turn the unpacked Debian in $1 into what an Ubuntu 24.04 server is: systemd-networkd has the network, systemd-resolved
# holds port 53 and /etc/resolv.conf is a link to its stub. Run by mmdebstrap, text and all: the file need not be readable
# to the user that mmdebstrap becomes.
set -eu
root=$1

# Address, name and ssh key of a guest come on the kernel's command line; systemd's own generators read them there.
chroot "$root" systemctl enable systemd-networkd systemd-network-generator systemd-resolved
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

# mmdebstrap left the names and the host name of the machine that built the image.
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
rm -f "$root/etc/hostname"

# Nothing may start on its own in the middle of a test, least of all apt.
chroot "$root" systemctl disable apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer
chroot "$root" systemctl mask e2scrub_reap.service getty@tty1.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount

# A reload of systemd runs all generators and reads all units again, and these guests are reloaded a few hundred times:
# leave out the generators that have nothing to find here. (That of ssh fails where there is no AF_VSOCK.)
mkdir -p "$root/etc/systemd/system-generators"
for name in debug gpt-auto hibernate-resume rc-local ssh system-update tpm2; do
    ln -s /dev/null "$root/etc/systemd/system-generators/systemd-$name-generator"
done
# ... and 64 serial lines that the kernel always has, and nobody uses.
echo 'SUBSYSTEM=="tty", KERNEL=="ttyS*", ENV{SYSTEMD_READY}="0"' >"$root/etc/udev/rules.d/99-zz-no-serial-lines.rules"

# The root file system is mounted by the kernel; an entry here would make every boot wait for udev and fsck.
: >"$root/etc/fstab"

# /etc and /var are as the packages made them: no ldconfig and the like at first boot.
touch "$root/etc/.updated" "$root/var/.updated"
