#!/bin/bash
# Print one thing about the backends of this host: look.sh pid|exposed|switched|healed|left
set -euo pipefail

pid() { systemctl show --property=MainPID --value "highload-backend@$1.service"; }

case $1 in
pid) pid page ;;
exposed) # how exposed each unit is, what one sees of the content, who may look into it, who runs it, and how
    for name in page templated folder archive; do
        systemd-analyze security --no-pager "highload-backend@$name.service" | sed -n 's/.*Overall exposure.*: //p'
    done
    find "/proc/$(pid folder)/root/srv" -mindepth 2 -maxdepth 2 -printf '%f\n'
    stat --format %a /srv/highload-backend
    ps -o user= -p "$(pid folder)"
    for property in Restart StartLimitBurst After; do
        systemctl show --property=$property --value highload-backend@folder.service
    done
    ;;
switched) # what the client saw, how many releases there are, the process
    cat /run/watch.log
    find /srv/highload-backend/page/releases -mindepth 1 -maxdepth 1 | wc -l
    pid page
    ;;
healed) # unfinished releases, a page that was damaged, the log of another server
    find /srv/highload-backend/page/releases -name '.new*' | wc -l
    cat /srv/highload-backend/folder/current/index.html
    journalctl --unit=highload-backend@templated.service --output=cat --lines=20
    ;;
left) # units, settings, content, and what starts at boot
    systemctl list-units --all --plain --no-legend 'highload-backend@*' | awk '{ print $1, $3 }'
    find /etc/highload-backend /srv/highload-backend /srv/moved/here -mindepth 1 -maxdepth 1 2>/dev/null | sort || true
    find /etc/systemd/system/multi-user.target.wants -name 'highload-backend@*' -printf '%f\n' | sort
    ;;
esac
