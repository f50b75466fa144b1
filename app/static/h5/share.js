/* The card that people send to friends. A distributor's carries their referral link. */
(function () {
  'use strict';

  var data = document.body.dataset;
  var jssdk = document.querySelector('[data-jssdk]');
  if (!jssdk || !data.shareLink) { return; }

  function offer() {
    window.Mall.call('/js-config?url=' + encodeURIComponent(location.href.split('#')[0])).then(function (signed) {
      window.wx.config(Object.assign({
        debug: false, jsApiList: ['updateAppMessageShareData', 'updateTimelineShareData'],
        openTagList: ['wx-open-subscribe']
      }, signed));
      window.wx.ready(function () {
        var picture = data.sharePicture ? new URL(data.sharePicture, location.origin).href : '';
        window.wx.updateAppMessageShareData({
          title: data.shareTitle, desc: data.shareText, link: data.shareLink, imgUrl: picture
        });
        window.wx.updateTimelineShareData({
          title: data.shareTitle, link: data.shareLink, imgUrl: picture
        });
      });
      // Sharing is extra: a page whose card can't be set is still a good page.
    }).catch(function () {});
  }

  // It comes from WeChat's own host, and no page waits for that.
  if (window.wx) { offer(); } else { jssdk.addEventListener('load', offer); }
}());
