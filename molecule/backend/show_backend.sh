#!/bin/sh
# Print all that the role has put on this host, with content, modes and times, and the processes that run.
for place in /srv/highload-backend /etc/highload-backend /usr/local/lib/highload-backend \
    /etc/systemd/system/highload-backend@.service; do
    find "$place" -printf '%p %M %u %T@ %l\n' 2>/dev/null | sort
    find "$place" -type f -exec sha256sum {} + 2>/dev/null | sort
done
systemctl show --property=Id,MainPID 'highload-backend@*'
find /etc/systemd/system/multi-user.target.wants -name 'highload-backend@*'
